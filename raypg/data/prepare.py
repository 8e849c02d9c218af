"""From published arrays to the data set that trials see: checks, splits, statistics."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raypg.data.arrays import map_rows
from raypg.data.cache import IMAGES
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
    What is left is trained on, and its pixels are what all are normalised with.

    Args:
        dataset: as published.
        num_folds: into how many parts it is cut; 0 leaves it as it is.
        fold: which of them is validated on, from 0.

    Raises:
        DataError: the parts are mapped, too, and cannot be written to the cache.
    """
    if not num_folds:
        return dataset
    both = dataset.train, dataset.val
    labels_N = np.concatenate([split.labels_N for split in both])
    val, train = split_fold(labels_N, num_folds, fold)
    arrays = [split.images_NCHW for split in both]
    if not _stays_mapped(arrays, len(labels_N)):
        arrays = [np.concatenate(arrays)]
    parts = {
        name: _read_only(
            Split(
                _part_of(arrays, f"{name}_fold{fold}of{num_folds}", index),
                labels_N[index],
            )
        )
        for name, index in (("train", train), ("val", val))
    }
    mean, std = pixel_statistics(parts["train"].images_NCHW)
    return replace(dataset, train=parts["train"], val=parts["val"], mean=mean, std=std)


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
    if not _stays_mapped([images_NCHW], num):
        return replace(dataset, train=_take(dataset.train, index))
    assert isinstance(images_NCHW, np.memmap)
    split = Path(str(images_NCHW.filename)).name.removesuffix(IMAGES.format(""))
    kept_NCHW = _part_of([images_NCHW], f"{split}_{fraction!r}", index)
    kept = Split(kept_NCHW, dataset.train.labels_N[index])
    return replace(dataset, train=_read_only(kept))


def _stays_mapped(arrays: Sequence[NDArray[np.uint8]], num: int) -> bool:
    """Whether so many of these images are mapped again, and not copied."""
    is_large = num * arrays[0][:1].nbytes > COPIED_BYTES
    return is_large and all(isinstance(images, np.memmap) for images in arrays)


def _part_of(
    arrays: Sequence[NDArray[np.uint8]], name: str, index_N: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Some images, in memory of arrays there, mapped of mapped ones."""
    first = arrays[0]
    if not isinstance(first, np.memmap):
        return first[index_N]
    try:
        return map_rows(arrays, name, index_N)
    except OSError as error:
        where, fix = str(first.filename), "Set RAYPG_CACHE to another folder."
        rule = "must have room for a part of it"
        raise DataError(where, rule, str(error), fix) from error


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
