"""CIFAR-10 and CIFAR-100: 60,000 colour images of 32×32 pixels (Krizhevsky 2009).

The files are pickles of Python 2, in the folders that torchvision makes, or still in
the publisher's tar.gz. 5,000 of the 50,000 training images are the validation split.
"""

import io
import pickle
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raypg.data.dataset import Arrays, DatasetSpec, Split
from raypg.data.raw import FIX
from raypg.data.source import Published, RawFile, Source
from raypg.errors import DataError

IMAGE_SHAPE = (3, 32, 32)
IMAGE_SIZE = 3 * 32 * 32


def decode_cifar(
    files: Mapping[str, RawFile], *, train: tuple[str, ...], test: str, meta: str
) -> Arrays:
    """The arrays of either set.

    Args:
        files: the pickles by name.
        train: names of the training batches, in order.
        test: name of the test batch.
        meta: name of the file that holds the names of the classes.

    Raises:
        DataError: a pickle is cut off, or holds anything but images and labels.
    """
    splits = [_decode_batch(files[name]) for name in train]
    names = _read_pickle(files[meta], ("fine_label_names", "label_names"))
    return Arrays(
        train=Split(
            np.concatenate([split.images_NCHW for split in splits]),
            np.concatenate([split.labels_N for split in splits]),
        ),
        test=_decode_batch(files[test]),
        class_names=tuple(str(name) for name in names),
    )


def _decode_batch(file: RawFile) -> Split:
    """The images and the (fine) labels of one pickle."""
    images = np.asarray(_read_pickle(file, ("data",)))
    labels_N = np.asarray(_read_pickle(file, ("fine_labels", "labels")))
    if images.dtype != np.uint8 or images.shape != (len(labels_N), IMAGE_SIZE):
        rule = f"must hold {len(labels_N):,} rows of {IMAGE_SIZE:,} bytes, as it labels"
        raise DataError(file.where, rule, f"{images.shape} {images.dtype}", FIX)
    return Split(images.reshape(-1, *IMAGE_SHAPE), labels_N.astype(np.int64))


def _read_pickle(file: RawFile, keys: tuple[str, ...]) -> NDArray[Any] | list[Any]:
    """The value of the first of the keys that the pickled dict has."""
    try:
        # latin1 is the encoding that gives back a Python 2 string byte for byte.
        values = _BatchUnpickler(io.BytesIO(file.content), encoding="latin1").load()
        found: NDArray[Any] | list[Any]
        found = next(values[key] for key in keys if key in values)
        return found
    except Exception as error:  # a damaged pickle raises nearly anything
        published = f"{file.published.size_bytes:,} bytes as published"
        rule = f'must be a whole pickled dict with "{keys[-1]}", {published}'
        size = f"{len(file.content):,} bytes"
        raise DataError(file.where, rule, f"{size} ({error!r})", FIX) from error


def _build_dtype(kind: str, *_: object) -> np.dtype[Any]:
    """Numpy 2.4 warns of the integers that Python 2 pickled for align and copy."""
    return np.dtype(kind)


class _BatchUnpickler(pickle.Unpickler):
    """Builds arrays and Python's own values; a pickle that calls more is refused."""

    def find_class(self, module: str, name: str) -> object:
        if name == "dtype" and module == "numpy":
            return _build_dtype
        if name == "ndarray" and module == "numpy":
            return np.ndarray
        if name == "_reconstruct" and module.endswith("core.multiarray"):
            return np.empty(0).__reduce__()[0]  # numpy moved it: ask an array
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in it")


_CIFAR10_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))

CIFAR10 = Source(
    title="CIFAR-10",
    spec=DatasetSpec(
        image_shape=IMAGE_SHAPE,
        num_classes=10,
        num_train=45_000,
        num_val=5_000,
        num_test=10_000,
    ),
    revision=1,
    decode=partial(
        decode_cifar, train=_CIFAR10_BATCHES, test="test_batch", meta="batches.meta"
    ),
    files={
        "data_batch_1": Published("c99cafc152244af753f735de768cd75f", 31_035_704),
        "data_batch_2": Published("d4bba439e000b95fd0a9bffe97cbabec", 31_035_320),
        "data_batch_3": Published("54ebc095f3ab1f0389bbae665268c751", 31_035_999),
        "data_batch_4": Published("634d18415352ddfa80567beed471001a", 31_035_696),
        "data_batch_5": Published("482c414d41f54cd18b22e5b47cb7c3cb", 31_035_623),
        "test_batch": Published("40351d587109b95175f43aff81a1287e", 31_035_526),
        "batches.meta": Published("5ff9c542aee3614f3951f8cda6e48888", 158),
    },
    folders=("cifar-10-batches-py", "", "cifar10/cifar-10-batches-py", "cifar10"),
    archive="cifar-10-python.tar.gz",
    archive_bytes=170_498_071,
    torchvision="CIFAR10",
)

CIFAR100 = Source(
    title="CIFAR-100",
    spec=DatasetSpec(
        image_shape=IMAGE_SHAPE,
        num_classes=100,
        num_train=45_000,
        num_val=5_000,
        num_test=10_000,
    ),
    revision=1,
    decode=partial(decode_cifar, train=("train",), test="test", meta="meta"),
    files={
        "train": Published("16019d7e3df5f24257cddd939b257f8d", 155_249_918),
        "test": Published("f0ef6b0ae62326f3e7ffdfab6717acfc", 10_000 * IMAGE_SIZE),
        "meta": Published("7973b15100ade9c7d40fb424638fde48", 1_473),
    },
    folders=("cifar-100-python", "", "cifar100/cifar-100-python", "cifar100"),
    archive="cifar-100-python.tar.gz",
    archive_bytes=169_001_437,
    torchvision="CIFAR100",
)
