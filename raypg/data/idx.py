"""The idx files of MNIST and Fashion-MNIST: a big-endian header, then the bytes.

Format: http://yann.lecun.com/exdb/mnist, at its foot.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from raypg.data.dataset import DatasetSpec, Split
from raypg.data.raw import FIX
from raypg.data.source import Published, RawFile
from raypg.errors import DataError

IDX_SPEC = DatasetSpec(
    image_shape=(1, 28, 28),
    num_classes=10,
    num_train=55_000,
    num_val=5_000,
    num_test=10_000,
)
_FILES = {
    "train-images-idx3-ubyte": 16 + 60_000 * 784,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 784,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}


def published_idx(*md5s: str) -> dict[str, Published]:
    """The four files, given the checksums of train and t10k images and labels."""
    return {
        name: Published(md5, size)
        for (name, size), md5 in zip(_FILES.items(), md5s, strict=True)
    }


def decode_idx_split(files: Mapping[str, RawFile], part: str) -> Split:
    """The images and labels of `train` or `t10k`.

    Raises:
        DataError: a file is no idx file of bytes, or not as long as its header says,
            or images and labels do not match.
    """
    return decode_idx_pair(
        files[f"{part}-images-idx3-ubyte"], files[f"{part}-labels-idx1-ubyte"]
    )


def decode_idx_pair(images_file: RawFile, labels_file: RawFile) -> Split:
    """The images of one file and the labels of another; raises as above."""
    images_NHW = _read_idx(images_file, num_dims=3)
    labels_N = _read_idx(labels_file, num_dims=1)
    if images_NHW.shape[1:] != IDX_SPEC.image_shape[1:]:
        height, width = images_NHW.shape[1:]
        raise DataError(images_file.where, "must be 28×28", f"{height}×{width}", FIX)
    if len(images_NHW) != len(labels_N):
        rule = f"must hold a label for each of {len(images_NHW):,} images"
        raise DataError(labels_file.where, rule, f"{len(labels_N):,}", FIX)
    return Split(images_NHW[:, None], labels_N.astype(np.int64))


def _read_idx(file: RawFile, num_dims: int) -> NDArray[np.uint8]:
    """The array of an idx file whose elements are bytes."""
    magic = bytes([0, 0, 8, num_dims])  # 8: unsigned byte
    header_size = 4 + 4 * num_dims
    header = file.content[:header_size]
    if header[:4] != magic or len(header) < header_size:
        rule = f"must begin with {magic.hex(' ')} and {num_dims} lengths (idx format)"
        found = f"{header.hex(' ') or 'no'} bytes"
        raise DataError(file.where, rule, found, FIX)
    shape = tuple(np.frombuffer(header, dtype=">u4", offset=4).tolist())
    expected, found_bytes = header_size + math.prod(shape), len(file.content)
    if found_bytes != expected:
        rule = f"must hold {expected:,} bytes unpacked, by its header"
        raise DataError(file.where, rule, f"{found_bytes:,}", FIX)
    return np.frombuffer(file.content, np.uint8, offset=header_size).reshape(shape)
