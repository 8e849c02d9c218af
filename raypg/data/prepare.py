"""From published arrays to the data set that trials see: checks, splits, statistics."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from raypg.data.arrays import map_rows
from raypg.data.dataset import Arrays, Dataset, DatasetSpec, Split
from raypg.data.splits import (
    FRACTION_SEED,
    VAL_SEED,
    split_fold,
    split_off,
    stratified_order,
)
from raypg.data.statistics import pixel_statistics
from raypg.errors import DataError

COPIED_BYTES = 2**28
"""A part of the training images up to this size is copied; a larger one is mapped."""


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
    """The data set with a stratified part of its training split, the same for all.

    Raises:
        DataError: the part is mapped, too, and cannot be written to the cache.
    """
    if fraction == 1.0:
        return dataset
    images_NCHW = dataset.train.images_NCHW
    num = num_kept(len(dataset.train), fraction)
    order = stratified_order(np.asarray(dataset.train.labels_N), FRACTION_SEED)
    index = np.sort(order[:num])
    is_large = num * images_NCHW[:1].nbytes > COPIED_BYTES
    if not (is_large and isinstance(images_NCHW, np.memmap)):
        return replace(dataset, train=_take(dataset.train, index))
    try:
        kept_NCHW = map_rows(images_NCHW, f"train_{fraction!r}", index)
    except OSError as error:
        where, fix = str(images_NCHW.filename), "Set RAYPG_CACHE to another folder."
        rule = "must have room for a part of it"
        raise DataError(where, rule, str(error), fix) from error
    kept = Split(kept_NCHW, dataset.train.labels_N[index])
    return replace(dataset, train=_read_only(kept))


def num_kept(num: int, fraction: float) -> int:
    """How many of `num` examples a fraction keeps: at least one."""
    return max(1, round(num * fraction))


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
