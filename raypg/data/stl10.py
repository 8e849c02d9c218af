"""STL-10: 13,000 colour images of 96×96 pixels with labels (Coates et al. 2011).

The files are bytes without a header, image by image, channel by channel, and each of
them column by column. 500 of the 5,000 training images are the validation split; the
100,000 images without labels are not taken.
"""

from collections.abc import Mapping

import numpy as np

from raypg.data.dataset import Arrays, DatasetSpec, Split
from raypg.data.raw import FIX
from raypg.data.source import Published, RawFile, Source
from raypg.errors import DataError

IMAGE_SHAPE = (3, 96, 96)
IMAGE_SIZE = 3 * 96 * 96
CLASS_NAMES = "airplane bird car cat deer dog horse monkey ship truck".split()


def decode_stl10(files: Mapping[str, RawFile]) -> Arrays:
    """The arrays of the four files."""
    return Arrays(
        train=_decode(files["train_X.bin"], files["train_y.bin"]),
        test=_decode(files["test_X.bin"], files["test_y.bin"]),
        class_names=tuple(CLASS_NAMES),
    )


def _decode(images: RawFile, labels: RawFile) -> Split:
    """The images and the labels, 1 to 10, of a split."""
    num, rest = divmod(len(images.content), IMAGE_SIZE)
    if rest or not num:
        rule = f"must hold whole images of {IMAGE_SIZE:,} bytes"
        size = f"{images.published.size_bytes:,} bytes as published"
        found = f"{len(images.content):,} bytes"
        raise DataError(images.where, f"{rule}, {size}", found, FIX)
    labels_N = np.frombuffer(labels.content, np.uint8).astype(np.int64) - 1
    if len(labels_N) != num:
        rule = f"must hold a label for each of {num:,} images"
        raise DataError(labels.where, rule, f"{len(labels_N):,}", FIX)
    columns = np.frombuffer(images.content, np.uint8).reshape(num, *IMAGE_SHAPE)
    return Split(np.ascontiguousarray(columns.transpose(0, 1, 3, 2)), labels_N)


STL10 = Source(
    title="STL-10",
    spec=DatasetSpec(
        image_shape=IMAGE_SHAPE,
        num_classes=10,
        num_train=4_500,
        num_val=500,
        num_test=8_000,
    ),
    revision=1,
    decode=decode_stl10,
    files={
        "train_X.bin": Published(
            "918c2871b30a85fa023e0c44e0bee87f", 5_000 * IMAGE_SIZE
        ),
        "train_y.bin": Published("5a34089d4802c674881badbb80307741", 5_000),
        "test_X.bin": Published("7f263ba9f9e0b06b93213547f721ac82", 8_000 * IMAGE_SIZE),
        "test_y.bin": Published("36f9794fa4beb8a2c72628de14fa638e", 8_000),
    },
    folders=("stl10_binary", "", "stl10/stl10_binary", "stl10"),
    archive="stl10_binary.tar.gz",
    archive_bytes=2_640_397_119,
    torchvision="STL10",
)
