"""Images a second into a training loop: ours, and torchvision with a DataLoader.

Fashion-MNIST, random crop after padding by 4, mirror, normalise, batches of 64 float32
images on the CPU. Both read the same files. The peer is torchvision's own data set and
transforms in the form and with the number of worker processes that ran fastest in this
very run (both generations of transforms, 0 and 2 processes, kept alive, started before
the clock), and once more in DataLoader's defaults. Ours is one process with one thread;
on two threads of a calm machine it is half as fast again.

What profiling taught (torch 2.15, two cores of a Xeon with AMX, n = 5 to 7):

- The peer's time is Python for each image: 110 µs at its best on one core.
- An index for every pixel (`take`, advanced indexing) costs 550 to 950 ns an image; a
  view of all windows, indexed by image and corner, copies whole rows: 370 ns.
- Mirroring a masked part of a batch costs 250 ns; sorting the mirrored to the end of
  the gather and turning one slice on its way into the padding costs 45 ns.
- A table of 256 floats instead of `pixel * scale + shift` costs 510 ns, not 180;
  `addcmul` 280.
- 64 images are too few a call: 2,700 at once run 1.4 times as fast on one thread, and
  on two 4.6 times; 8,192 leave the cache and lose a fifth again.
- With two threads on cores that others use, every small call can wait milliseconds for
  its second thread: 600,000 images/s fall to 10,000. So calls must be few, and a worker
  should have only the threads that it has cores for.

Run it alone: `python -m tests.benchmarks.input_pipeline`.
"""

import gzip
import json
import tempfile
import time
from itertools import chain, islice
from pathlib import Path

import torch
from torch.nn import functional

from raypg.config import load, parse_overrides
from raypg.data import DataConfig, load_dataset
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.data.pipeline import Batches
from raypg.models import ModelConfig, build_model
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.torchvision_peer import (
    Rate,
    default_peer,
    fastest_peer,
    images_per_s,
)
from tests.data.raw_files import write_idx_set

BATCH_SIZE = 64
NETWORKS = (["model.name=cnn"], ["model.name=densenet", "model.depth=22"])


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = _rates(Path(folder), quick)
            return rows if quick else rows + _shares(Path(folder))
    finally:
        torch.set_num_threads(num_threads)


def _rates(root: Path, quick: bool) -> list[dict[str, object]]:
    num_pairs, num_peer, num_epochs = (3, 1_280, 1) if quick else (10, 6_400, 8)
    note = write_files(root) + ", one thread"
    batches = _our_batches(root)
    name, best = fastest_peer(root, BATCH_SIZE, num_peer)
    peers = {
        f"its best ({name})": best,
        "its defaults": default_peer(root, BATCH_SIZE, num_peer),
    }

    def ours() -> float:
        return images_per_s(chain.from_iterable(map(batches.epoch, range(num_epochs))))

    return [
        measure_pairs(ours, peer, num_pairs).row(
            f"input pipeline: torchvision + DataLoader at {name}",
            "images/s",
            ">= 30",
            note,
        )
        for name, peer in peers.items()
    ]


def _shares(root: Path) -> list[dict[str, object]]:
    """The pipeline's part of a training step, for a fast and a slow network."""
    batches = _our_batches(root)
    rows = []
    for overrides in NETWORKS:
        network = load([parse_overrides(overrides)]).model
        pairs = measure_pairs(
            lambda: BATCH_SIZE / images_per_s(batches.epoch(0)),
            _step_seconds(network, batches, num_steps=4),
            num_pairs=10,
        )
        row = pairs.row(
            f"input pipeline: share of a step of {network.name}",
            f"s a step of {BATCH_SIZE}",
            "<= 0.02",
            "peer: forward, backward and SGD alone, fp32, one thread",
        )
        rows.append(row)
    return rows


def write_files(root: Path) -> str:
    """Unpack Debian's files for torchvision, or write noise of the same size."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    packed = sorted(Path(FASHION_MNIST.system_folders[0]).glob("*.gz"))
    if not packed:
        write_idx_set(raw, 60_000, 10_000)
        return "noise for images: Fashion-MNIST is not installed"
    for path in packed:
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return "real images"


def _our_batches(root: Path) -> Batches:
    config = DataConfig(name="fashion_mnist", root=str(root), crop_padding=4, flip=True)
    dataset = load_dataset(config, root / "cache")
    return Batches(
        dataset.train,
        dataset,
        config,
        batch_size_global=BATCH_SIZE,
        rank=0,
        num_workers=1,
        seed=0,
        device=torch.device("cpu"),
        channels_last=False,
        train=True,
    )


def _step_seconds(network: ModelConfig, batches: Batches, num_steps: int) -> Rate:
    """Seconds a step of training takes, its batches being there already."""
    model = build_model(network, (1, 28, 28), 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    ready = list(islice(batches.epoch(0), num_steps))

    def run() -> float:
        start = time.perf_counter()
        for images_BCHW, labels_B in ready:
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(images_BCHW), labels_B)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return (time.perf_counter() - start) / num_steps

    run()
    return run


if __name__ == "__main__":
    for row in measure(quick=False):
        print(json.dumps(row, indent=1))
