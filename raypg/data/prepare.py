"""From published arrays to the data set that trials see: checks, splits, statistics."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from raypg.data.dataset import Arrays, Dataset, DatasetSpec, Split
from raypg.data.splits import (
    FRACTION_SEED,
    VAL_SEED,
    split_fold,
    split_off,
    stratified_order,
)
from raypg.errors import DataError

_BLOCK = 2048
"""Images widened to int64 at a time: the statistics cost megabytes, not gigabytes."""


def build_dataset(
    name: str, spec: DatasetSpec, arrays: Arrays, version: str
) -> Dataset:
    """Draw the validation split, and measure the pixels of what is left.

    Fewer examples than the published ones (a user's own part of them) are split in
    the published proportion.

    Raises:
        DataError: a label is no class of the set, or a split would be empty.
    """
    for split in (arrays.train, arrays.test):
        _check_labels(name, split, spec.num_classes)
    labels_N = arrays.train.labels_N
    num_published = spec.num_train + spec.num_val
    num_val = max(1, round(len(labels_N) * spec.num_val / num_published))
    val, train = split_off(labels_N, num_val, VAL_SEED)
    if not len(train):
        fix = "Give a whole data set."
        raise DataError(name, "needs examples to train on", f"{len(labels_N)}", fix)
    mean, std = pixel_statistics(arrays.train.images_NCHW[train])
    return Dataset(
        name=name,
        train=_take(arrays.train, train),
        val=_take(arrays.train, val),
        test=_read_only(arrays.test),
        num_classes=spec.num_classes,
        mean=mean,
        std=std,
        class_names=arrays.class_names,
        version=version,
    )


def keep_fold(dataset: Dataset, num_folds: int, fold: int) -> Dataset:
    """The data set with one of the folds in place of its validation split.

    Folds are parts of all that is published for training, validation split included.
    What is left is trained on, and its pixels are what all are normalised with. Both
    are copies, which lie in memory.

    Args:
        dataset: as published.
        num_folds: into how many parts it is cut; 0 leaves it as it is.
        fold: which of them is validated on, from 0.
    """
    if not num_folds:
        return dataset
    both = dataset.train, dataset.val
    pool = Split(
        np.concatenate([split.images_NCHW for split in both]),
        np.concatenate([split.labels_N for split in both]),
    )
    val, train = split_fold(pool.labels_N, num_folds, fold)
    mean, std = pixel_statistics(pool.images_NCHW[train])
    return replace(
        dataset, train=_take(pool, train), val=_take(pool, val), mean=mean, std=std
    )


def keep_fraction(dataset: Dataset, fraction: float) -> Dataset:
    """The data set with a stratified part of its training split, the same for all."""
    if fraction == 1.0:
        return dataset
    num = num_kept(len(dataset.train), fraction)
    order = stratified_order(np.asarray(dataset.train.labels_N), FRACTION_SEED)
    return replace(dataset, train=_take(dataset.train, np.sort(order[:num])))


def num_kept(num: int, fraction: float) -> int:
    """How many of `num` examples a fraction keeps: at least one."""
    return max(1, round(num * fraction))


def pixel_statistics(
    images_NCHW: NDArray[np.uint8],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of pixels scaled to [0, 1].

    Summed in integers, so that they are exact and the same everywhere.
    """
    num, channels, height, width = images_NCHW.shape
    total_C = np.zeros(channels, np.int64)
    squares_C = np.zeros(channels, np.int64)
    for start in range(0, num, _BLOCK):
        block = images_NCHW[start : start + _BLOCK].astype(np.int64)
        total_C += block.sum((0, 2, 3))
        squares_C += (block * block).sum((0, 2, 3))
    mean_C = total_C / (num * height * width)
    std_C = np.sqrt(squares_C / (num * height * width) - mean_C**2)
    # A channel of one colour has nothing to scale.
    std_C[std_C == 0] = 255
    return tuple((mean_C / 255).tolist()), tuple((std_C / 255).tolist())


def _take(split: Split, index: NDArray[np.int64]) -> Split:
    return _read_only(Split(split.images_NCHW[index], split.labels_N[index]))


def _read_only(split: Split) -> Split:
    """Warm workers hand one array to trial after trial: none may change it."""
    split.images_NCHW.setflags(write=False)
    split.labels_N.setflags(write=False)
    return split


def _check_labels(name: str, split: Split, num_classes: int) -> None:
    if not len(split):
        raise DataError(name, "needs examples in every split", "none", "Check them.")
    low, high = int(split.labels_N.min()), int(split.labels_N.max())
    if low < 0 or high >= num_classes:
        rule = f"has labels 0 to {num_classes - 1}"
        raise DataError(name, rule, f"{low} to {high}", "Is it another data set's?")
