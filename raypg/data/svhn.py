"""SVHN: 99,289 house numbers of Street View, 32×32 pixels (Netzer et al. 2011).

The files are Matlab's: images H×W×C×N, and labels 1 to 10, of which 10 is the digit 0.
The publisher's 531,131 further images (`extra`) are not taken.
"""

import io
from collections.abc import Mapping

import numpy as np

from raypg.data.dataset import Arrays, DatasetSpec, Split
from raypg.data.raw import FIX
from raypg.data.source import Published, RawFile, Source
from raypg.errors import DataError


def decode_svhn(files: Mapping[str, RawFile]) -> Arrays:
    """The arrays of both files."""
    return Arrays(
        train=_decode(files["train_32x32.mat"]),
        test=_decode(files["test_32x32.mat"]),
        class_names=tuple("0123456789"),
    )


def _decode(file: RawFile) -> Split:
    """The images and the labels of one file."""
    from scipy.io import loadmat  # 0.2 s, and no other data set needs it

    try:
        found = loadmat(io.BytesIO(file.content))
        images_HWCN, labels_N = found["X"], found["y"].ravel().astype(np.int64)
    except Exception as error:  # a damaged file raises nearly anything
        published = f"{file.published.size_bytes:,} bytes as published"
        rule = f"must be a whole file of Matlab's with X and y, {published}"
        size = f"{len(file.content):,} bytes ({error!r})"
        raise DataError(file.where, rule, size, FIX) from error
    if images_HWCN.dtype != np.uint8 or images_HWCN.shape != (32, 32, 3, len(labels_N)):
        rule = f"must hold {len(labels_N):,} images of 32×32 pixels, as it labels"
        found = f"{images_HWCN.shape} {images_HWCN.dtype}"
        raise DataError(file.where, rule, found, FIX)
    images_NCHW = np.ascontiguousarray(images_HWCN.transpose(3, 2, 0, 1))
    return Split(images_NCHW, labels_N % 10)


SVHN = Source(
    title="SVHN",
    spec=DatasetSpec(
        image_shape=(3, 32, 32),
        num_classes=10,
        num_train=68_257,
        num_val=5_000,
        num_test=26_032,
    ),
    revision=1,
    decode=decode_svhn,
    files={
        "train_32x32.mat": Published("e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794),
        "test_32x32.mat": Published("eb5a983be6a315427106f1b164d9cef3", 64_275_384),
    },
    folders=("SVHN", "svhn", ""),
    torchvision="SVHN",
    fetched_splits=("train", "test"),
)
