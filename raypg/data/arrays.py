"""The arrays of an entry of the cache, written through a memory map, block by block."""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raypg.data.cache import IMAGES, LABELS, SPLITS
from raypg.data.dataset import Dataset, Split
from raypg.data.lock import hold_lock
from raypg.data.statistics import PixelSums

BLOCK_BYTES = 2**24
"""Of images, written at once."""


def create_images(folder: Path, split: str, shape: tuple[int, ...]) -> Path:
    """An .npy file of uint8 images whose space on the disk is taken already.

    A full disk is an OSError here; under a memory map it would kill the process.
    """
    path = folder / IMAGES.format(split)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return path


def save_labels(folder: Path, split: str, labels_N: NDArray[np.int64]) -> None:
    """The labels of a split."""
    np.save(folder / LABELS.format(split), np.ascontiguousarray(labels_N, np.int64))


def blocks_of(num: int, image_bytes: int) -> Iterator[slice]:
    """Consecutive slices of `num` images, each of `BLOCK_BYTES` at most."""
    step = max(1, BLOCK_BYTES // max(1, image_bytes))
    return (slice(start, min(start + step, num)) for start in range(0, num, step))


def save_images(folder: Path, split: str, images_NCHW: NDArray[np.uint8]) -> PixelSums:
    """Write the images of a split; the sums over their pixels."""
    path = create_images(folder, split, images_NCHW.shape)
    target_NCHW = np.load(path, mmap_mode="r+")
    sums = PixelSums.none_of(images_NCHW.shape[1])
    for block in blocks_of(len(images_NCHW), images_NCHW[:1].nbytes):
        target_NCHW[block] = images_NCHW[block]
        sums.add(target_NCHW[block])
    return sums


def save_dataset(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """Write the arrays of a data set that is in memory; the rest of it, by fields."""
    for name in SPLITS:
        split: Split = getattr(dataset, name)
        np.save(folder / IMAGES.format(name), split.images_NCHW)
        save_labels(folder, name, split.labels_N)
    rest = (field.name for field in fields(dataset) if field.name not in SPLITS)
    return {name: getattr(dataset, name) for name in rest}


def map_rows(
    arrays: Sequence[NDArray[np.uint8]], name: str, index_N: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Some images of mapped arrays, mapped themselves: too many to be in memory.

    The first who asks writes them beside the arrays, where they stay.

    Args:
        arrays: images NCHW of an entry of the cache, counted one after another.
        name: of the choice; the same name is the same images.
        index_N: which images.

    Raises:
        OSError: they cannot be written.
    """
    entry = Path(str(getattr(arrays[0], "filename"))).parent  # noqa: B009
    path = entry / IMAGES.format(name)
    with hold_lock(entry.with_suffix(".lock")):
        if not path.exists():
            making = f"{name}.{uuid.uuid4().hex[:8]}"
            shape = (len(index_N), *arrays[0].shape[1:])
            written = create_images(entry, making, shape)
            try:
                target_NCHW = np.load(written, mmap_mode="r+")
                for block in blocks_of(len(index_N), arrays[0][:1].nbytes):
                    _copy_rows(arrays, index_N[block], target_NCHW[block])
                written.rename(path)
            finally:
                written.unlink(missing_ok=True)
    mapped_NCHW: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return mapped_NCHW


def _copy_rows(
    arrays: Sequence[NDArray[np.uint8]],
    index_B: NDArray[np.int64],
    target_BCHW: NDArray[np.uint8],
) -> None:
    """Put images, counted over all arrays, at their places of the target."""
    first = 0
    for images_NCHW in arrays:
        is_here_B = (index_B >= first) & (index_B < first + len(images_NCHW))
        target_BCHW[is_here_B] = images_NCHW[index_B[is_here_B] - first]
        first += len(images_NCHW)
