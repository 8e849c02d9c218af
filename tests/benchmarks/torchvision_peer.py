"""The input pipeline that torchvision documents: transforms and a DataLoader."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from torchvision import transforms as v1
from torchvision.datasets import FashionMNIST
from torchvision.transforms import v2

MEAN, STD = (0.286,), (0.353,)
V1 = v1.Compose(
    [
        v1.RandomCrop(28, padding=4),
        v1.RandomHorizontalFlip(),
        v1.ToTensor(),
        v1.Normalize(MEAN, STD),
    ]
)
V2 = v2.Compose(
    [
        v2.ToImage(),
        v2.RandomCrop(28, padding=4),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
)

Transform = Callable[[object], Tensor]
Rate = Callable[[], float]


def default_peer(root: Path, batch_size: int, num: int) -> Rate:
    """How fast `num` images come with DataLoader's defaults: no further process."""
    return _peer(root, V1, 0, batch_size, num)


def fastest_peer(root: Path, batch_size: int, num: int) -> tuple[str, Rate]:
    """The best of both generations of transforms and of 0 and 2 processes.

    Returns:
        What it is, and how fast it gives `num` images, in images a second.
    """
    rates = {
        f"{name}, num_workers={num_processes}": _peer(
            root, transform, num_processes, batch_size, num
        )
        for name, transform in (("v1", V1), ("v2", V2))
        for num_processes in (0, 2)
    }
    best = max(rates, key=lambda name: max(rates[name]() for _ in range(2)))
    return best, rates[best]


def images_per_s(batches: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Go once through batches that are waited for and not used."""
    start, num = time.perf_counter(), 0
    for images_BCHW, _ in batches:
        num += len(images_BCHW)
    return num / (time.perf_counter() - start)


def _peer(
    root: Path, transform: Transform, num_processes: int, batch_size: int, num: int
) -> Rate:
    images = FashionMNIST(str(root), train=True, transform=transform)
    loader: DataLoader[object] = DataLoader(
        Subset(images, range(num)),
        batch_size=batch_size,
        shuffle=True,
        num_workers=num_processes,
        persistent_workers=num_processes > 0,
    )
    if num_processes:
        for _ in loader:  # starts the processes, before any clock
            pass
    return lambda: images_per_s(loader)
