"""Digits: 1,797 real handwritten digits of 8×8 pixels, inside the package.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998; CC BY
4.0), the part that scikit-learn ships. Packed here, so that no worker imports sklearn.
"""

from collections.abc import Mapping
from importlib import resources

import numpy as np

from raypg.data.dataset import Arrays, DatasetSpec, Split
from raypg.data.source import RawFile, Source
from raypg.data.splits import TEST_SEED, split_off

NUM_TEST = 300


def decode_digits(files: Mapping[str, RawFile]) -> Arrays:
    """The digits, their 17 grey levels stretched over 0 to 255.

    The authors draw no test split over these writers: 300 stratified examples are.
    """
    packed = resources.files("raypg.data") / "files" / "digits.npz"
    with packed.open("rb") as stream, np.load(stream) as arrays:
        levels_NHW = arrays["images"].astype(np.uint16)
        labels_N = arrays["labels"].astype(np.int64)
    images_NCHW = ((levels_NHW * 255 + 8) // 16).astype(np.uint8)[:, None]
    test, rest = split_off(labels_N, NUM_TEST, TEST_SEED)
    return Arrays(
        train=Split(images_NCHW[rest], labels_N[rest]),
        test=Split(images_NCHW[test], labels_N[test]),
        class_names=tuple("0123456789"),
    )


DIGITS = Source(
    title="digits",
    spec=DatasetSpec(
        image_shape=(1, 8, 8),
        num_classes=10,
        num_train=1_197,
        num_val=300,
        num_test=NUM_TEST,
    ),
    revision=1,
    decode=decode_digits,
    files={},
)
