"""Data sets as uint8 arrays, and (in `pipeline`) batches of them.

Imports numpy alone, so that a config is read without waiting for torch.
"""

from pathlib import Path

import numpy as np

from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset, DatasetSpec, Split
from raypg.data.digits import DIGITS, decode_digits
from raypg.data.splits import FRACTION_SEED, VAL_SEED, split_off, stratified_order

__all__ = [
    "DataConfig",
    "Dataset",
    "DatasetSpec",
    "Split",
    "data_version",
    "dataset_spec",
    "load_dataset",
]


def load_dataset(config: DataConfig, cache_dir: Path | None = None) -> Dataset:
    """The three splits that a config names."""
    assert config.name == "digits", "the others follow"
    arrays = decode_digits()
    assert arrays.test is not None
    val, train = split_off(arrays.train.labels_N, DIGITS.num_val, VAL_SEED)
    pixels = arrays.train.images_NCHW[train].astype(np.float64) / 255
    keep = np.sort(
        stratified_order(arrays.train.labels_N[train], FRACTION_SEED)[
            : round(config.fraction * len(train))
        ]
    )
    return Dataset(
        name=config.name,
        train=Split(
            arrays.train.images_NCHW[train][keep], arrays.train.labels_N[train][keep]
        ),
        val=Split(arrays.train.images_NCHW[val], arrays.train.labels_N[val]),
        test=arrays.test,
        num_classes=10,
        mean=tuple(pixels.mean((0, 2, 3)).tolist()),
        std=tuple(pixels.std((0, 2, 3)).tolist()),
        class_names=arrays.class_names,
        version=data_version(config),
    )


def dataset_spec(config: DataConfig) -> DatasetSpec:
    """What is known of a data set before any file is read."""
    return DIGITS


def data_version(config: DataConfig) -> str:
    """The content of a data set and the way it is split, for the fingerprint."""
    return f"{config.name}-1"
