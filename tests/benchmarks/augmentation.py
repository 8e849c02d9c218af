"""Images a second with random operations on each: ours, and torchvision's transforms.

TrivialAugment and RandAugment (two operations of magnitude 9), after a crop with a
padding of 4 and a mirror, then normalised, in batches of 64 float32 images on the CPU:
Fashion-MNIST, and noise of CIFAR's form. The peer is torchvision's transforms, version
2, on uint8 tensors that lie in memory, an image at a time in a DataLoader, with 0 or 2
processes (kept alive, started before the clock): what ran fastest in this very run.
They take whole batches, too, but draw once for a batch, so that all its images have the
same operation. Ours is one process with one thread.

What profiling taught (torch 2.15, two cores of an EPYC, one thread):

- 28x28 images cost 2 to 3 µs an operation, 32x32 in colour 6 to 8; the most expensive
  are equalize (its histogram) and the geometric ones (an index for every pixel).
- Float to uint8 is not vectorised on a CPU; by way of int16 it takes a quarter of the
  time. `where` on uint8 takes ten times as long as the sign of a difference as a mask.
- Memory that each call maps anew costs more than half of the time of images in colour;
  trials keep theirs (`raypg.training.heap`), and so does this.

Run it alone: `python -m tests.benchmarks.augmentation`.
"""

import json
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from raypg.data import DataConfig, Split, load_dataset
from raypg.data import Dataset as OurDataset
from raypg.data.pipeline import Batches
from raypg.training.heap import keep_heap
from tests.benchmarks.input_pipeline import write_files
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.torchvision_peer import Rate, images_per_s

BATCH_SIZE = 64
Policy = Literal["trivialaugment", "randaugment"]
POLICIES: dict[Policy, Callable[[], v2.Transform]] = {
    "trivialaugment": v2.TrivialAugmentWide,
    "randaugment": v2.RandAugment,
}


class Peer(Dataset[tuple[Tensor, int]]):
    """Images as uint8 tensors in memory, transformed one at a time."""

    def __init__(self, split: Split, policy: Policy, num: int) -> None:
        self._images = torch.from_numpy(split.images_NCHW[:num].copy())
        self._labels = split.labels_N[:num].tolist()
        _, channels, height, width = self._images.shape
        self._transform = v2.Compose(
            [
                v2.RandomCrop((height, width), padding=4),
                v2.RandomHorizontalFlip(),
                POLICIES[policy](),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.3] * channels, [0.3] * channels),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(self._images[index]), self._labels[index]


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    keep_heap()
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            note, fashion = _fashion_mnist(Path(folder))
        sets = {f"28x28, {note}": fashion, "32x32 in colour, noise": _noise(20_000)}
        return [
            _row(policy, name, data, quick)
            for name, data in sets.items()
            for policy in POLICIES
        ]
    finally:
        torch.set_num_threads(num_threads)


def _row(policy: Policy, name: str, data: OurDataset, quick: bool) -> dict[str, object]:
    num_pairs, num_peer = (3, 640) if quick else (10, 3_200)
    loaders = {
        num_processes: _loader(data.train, policy, num_peer, num_processes)
        for num_processes in (0, 2)
    }
    best = max(loaders, key=lambda num: max(loaders[num]() for _ in range(2)))
    batches = _our_batches(data, policy)
    epochs = 1 if quick else 2

    def ours() -> float:
        return images_per_s(chain.from_iterable(map(batches.epoch, range(epochs))))

    return measure_pairs(ours, loaders[best], num_pairs).row(
        f"{policy} with crop and flip: torchvision v2 at num_workers={best}",
        "images/s",
        ">= 20",
        f"{name}, one thread",
    )


def _loader(split: Split, policy: Policy, num: int, num_processes: int) -> Rate:
    loader = DataLoader(
        Peer(split, policy, num),
        batch_size=BATCH_SIZE,
        shuffle=True,
        num_workers=num_processes,
        persistent_workers=num_processes > 0,
    )
    if num_processes:
        for _ in loader:  # starts the processes, before any clock
            pass
    return partial(images_per_s, loader)


def _our_batches(data: OurDataset, policy: Policy) -> Batches:
    return Batches(
        data.train,
        data,
        DataConfig(crop_padding=4, flip=True, auto_augment=policy),
        batch_size_global=BATCH_SIZE,
        rank=0,
        num_workers=1,
        seed=0,
        device=torch.device("cpu"),
        channels_last=False,
        train=True,
    )


def _fashion_mnist(root: Path) -> tuple[str, OurDataset]:
    note = write_files(root)
    config = DataConfig(name="fashion_mnist", root=str(root))
    return note, load_dataset(config, root / "cache")


def _noise(num: int) -> OurDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (num, 3, 32, 32), dtype=np.uint8)
    split = Split(images, rng.integers(0, 10, num))
    mean = (0.5, 0.5, 0.5)
    return OurDataset("noise", split, split, split, 10, mean, mean, (), "noise-1")


if __name__ == "__main__":
    for row in measure(quick=False):
        print(json.dumps(row, indent=1))
