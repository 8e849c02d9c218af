"""The values that leave this package: a data set, its splits, its static facts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Images and their labels, read-only, in a fixed order.

    Args:
        images_NCHW: uint8, C order, often memory-mapped.
        labels_N: class indices, int64.
    """

    images_NCHW: NDArray[np.uint8]
    labels_N: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels_N)


@dataclass(frozen=True)
class Arrays:
    """A data set as published, before a validation split is drawn from `train`."""

    train: Split
    test: Split
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """Three splits and what a trial must know about them.

    Args:
        name: a key of `DATASETS`.
        train: what the weights are fitted to, `data.fraction` applied.
        val: what choices are made on.
        test: read once a trial, at its end.
        num_classes: K; labels are 0..K-1.
        mean: of the pixels of the whole training split, in [0, 1], a channel each.
        std: as `mean`.
        class_names: K of them.
        version: the content and the way it is split; see `data_version`.
        notes: what was made of the files that a user may not expect.
        teacher_NK: what a teacher says of `train`, logits; None without one.
    """

    name: str
    train: Split
    val: Split
    test: Split
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    version: str
    notes: tuple[str, ...] = ()
    teacher_NK: NDArray[np.float16] | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        _, channels, height, width = self.train.images_NCHW.shape
        return channels, height, width


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a data set before any file is read.

    Args:
        image_shape: channels, height, width.
        num_classes: K.
        num_train: examples to train on, `data.fraction` applied.
        num_val: examples of the validation split.
        num_test: examples of the test split.
    """

    image_shape: tuple[int, int, int]
    num_classes: int
    num_train: int
    num_val: int
    num_test: int
