"""A folder of JPEGs, from its second epoch on: our cache, and PIL in a DataLoader.

Real Fashion-MNIST images (noise, where it is not installed), blown up to 500×375
pixels, the usual size of ImageNet's, and written as JPEG. Both give batches of 64
float32 images, resized, cropped after padding by 4, mirrored and normalised. The peer
is torchvision's ImageFolder and transforms with the number of worker processes that ran
fastest in this very run (none, one, or one a core; kept alive, started before the
clock); ours is one process, with one thread or one a core by the same rule, which maps
what was decoded before and keeps its heap, as a worker does. The first epoch is
measured apart: decoding into the cache by as many processes as there are cores, beside
an epoch of the peer.

What a peer does for each image is to read, decode, resize; nearly all of it is the
JPEG (1.3 ms, of an EPYC's core). What is left of ours is to copy pixels and to make
floats of them, so that the ratio falls as images get larger: at 224×224 that is 0.17 ms
of a core, 0.1 of it the floats.

Run it alone: `python -m tests.benchmarks.folder_cache`.
"""

import gzip
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from raypg.data import load_dataset
from raypg.data.decoding import num_cores
from raypg.data.fashion_mnist import FASHION_MNIST
from raypg.data.folder import FolderConfig
from raypg.data.pipeline import Batches
from raypg.training.heap import keep_heap
from tests.benchmarks.pairs import Pairs, measure_pairs
from tests.benchmarks.torchvision_peer import Rate, images_per_s
from tests.data.raw_files import random_images

BATCH_SIZE = 64
FILE_SIZE = (500, 375)
SIZES = (64, 224)


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    num_images, num_pairs = (320, 3) if quick else (1_024, 10)
    num_threads = torch.get_num_threads()
    keep_heap()
    try:
        with tempfile.TemporaryDirectory() as folder:
            what = _write_pictures(Path(folder) / "pictures", num_images)
            rows = []
            for size in SIZES:
                rows += _rows(Path(folder), size, num_pairs, what)
            return rows
    finally:
        torch.set_num_threads(num_threads)


def _rows(
    folder: Path, size: int, num_pairs: int, what: str
) -> list[dict[str, object]]:
    config = FolderConfig(
        root=str(folder / "pictures"), image_size=size, crop_padding=4, flip=True
    )
    batches = _our_batches(config, folder / "cache")
    num_workers, peer = _fastest_peer(folder / "pictures", size)
    num_threads, ours = _fastest_ours(batches, 4 if size < 128 else 1)
    note = f"{what}; ours has {num_threads} threads, the peer {num_workers} processes"

    return [
        measure_pairs(ours, peer, num_pairs).row(
            f"folder at {size}×{size}, second epoch: ImageFolder + DataLoader",
            "images/s",
            ">= 10",
            note,
        ),
        _first_epoch(config, folder / "again", peer, max(3, num_pairs // 3)).row(
            f"folder at {size}×{size}, decoding it once: ImageFolder + DataLoader",
            "images/s",
            "no goal",
            "both on all cores",
        ),
    ]


def _fastest_ours(batches: Batches, num_epochs: int) -> tuple[int, Rate]:
    """The number of threads that is fastest, and our images a second with it."""

    def rate(num_threads: int) -> float:
        torch.set_num_threads(num_threads)
        epochs = map(batches.epoch, range(num_epochs))
        return images_per_s(chain.from_iterable(epochs))

    rate(1)
    best = max(sorted({1, num_cores()}), key=rate)
    return best, lambda: rate(best)


def _our_batches(config: FolderConfig, cache: Path) -> Batches:
    dataset = load_dataset(config, cache)
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


def _first_epoch(
    config: FolderConfig, cache: Path, peer: Rate, num_pairs: int
) -> Pairs:
    """Images a second into an empty cache."""

    def ours() -> float:
        shutil.rmtree(cache, ignore_errors=True)
        start = time.perf_counter()
        data = load_dataset(config, cache)
        num = len(data.train) + len(data.val) + len(data.test)
        return num / (time.perf_counter() - start)

    return measure_pairs(ours, peer, num_pairs)


def _fastest_peer(root: Path, size: int) -> tuple[int, Rate]:
    """The number of processes that is fastest, and its images a second."""
    rates = {num: _peer(root, size, num) for num in sorted({0, 1, num_cores()})}
    best = max(rates, key=lambda num: rates[num]())
    return best, rates[best]


def _peer(root: Path, size: int, num_workers: int) -> Rate:
    steps: list[Callable[[object], object]] = [
        transforms.Resize(size),
        transforms.CenterCrop(size),
        transforms.RandomCrop(size, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.286,) * 3, (0.353,) * 3),
    ]
    images = ImageFolder(str(root), transforms.Compose(steps))
    loader: DataLoader[object] = DataLoader(
        images,
        batch_size=BATCH_SIZE,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
    )
    if num_workers:
        next(iter(loader))  # starts the processes, before any clock
    return lambda: images_per_s(loader)


def _write_pictures(root: Path, num: int) -> str:
    """JPEGs in ten class folders; what they show."""
    images, labels, what = _small_images(num)
    for label in range(10):
        (root / str(label)).mkdir(parents=True)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        large = Image.fromarray(image).resize(FILE_SIZE).convert("RGB")
        large.save(root / str(label) / f"{index:05}.jpg", quality=90)
    return what


def _small_images(num: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    packed = Path(FASHION_MNIST.system_folders[0])
    if not packed.is_dir():
        labels = (np.arange(num) % 10).astype(np.uint8)
        return random_images(num, 28, 28), labels, "noise"
    pixels = gzip.decompress((packed / "train-images-idx3-ubyte.gz").read_bytes())
    named = gzip.decompress((packed / "train-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)[:num]
    return images, np.frombuffer(named, np.uint8, offset=8)[:num], "real images"


if __name__ == "__main__":
    for row in measure(quick=False):
        print(json.dumps(row, indent=1, ensure_ascii=False))
