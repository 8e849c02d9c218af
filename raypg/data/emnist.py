"""EMNIST: handwritten letters and digits of 28×28 pixels (Cohen et al. 2017).

`data.split` names one of the six sets that the publishers made of NIST's forms; images
are turned upright. The checksums of its unpacked files are not published: their content
is always a part of the version.
"""

import string
from collections.abc import Mapping
from functools import partial
from typing import Literal

import numpy as np
from pydantic.dataclasses import dataclass

from raypg.data.config import DataConfig
from raypg.data.dataset import Arrays, DatasetSpec, Split
from raypg.data.idx import decode_idx_pair
from raypg.data.source import Published, RawFile, Source
from raypg.strict import STRICT

_DIGITS, _UPPER = tuple(string.digits), tuple(string.ascii_uppercase)
_LOWER = tuple(string.ascii_lowercase)
_UNLIKE = tuple("abdefghnqrt")
"""Small letters that are no smaller copies of capitals."""
_SPLITS = {
    # Classes, training images, test images (table II of the paper; letters as given).
    "balanced": (_DIGITS + _UPPER + _UNLIKE, 112_800, 18_800),
    "byclass": (_DIGITS + _UPPER + _LOWER, 697_932, 116_323),
    "bymerge": (_DIGITS + _UPPER + _UNLIKE, 697_932, 116_323),
    "digits": (_DIGITS, 240_000, 40_000),
    "letters": (_LOWER, 124_800, 20_800),
    "mnist": (_DIGITS, 60_000, 10_000),
}
_VAL = 12
"""One training image in twelve is to validate on, as of MNIST's 60,000."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class EmnistConfig(DataConfig):
    """The `data.*` names under `emnist`."""

    name: Literal["emnist"] = "emnist"
    split: Literal["balanced", "byclass", "bymerge", "digits", "letters", "mnist"] = (
        "balanced"
    )
    """Which of its six sets; `letters` has both cases as one class."""


def decode_emnist(files: Mapping[str, RawFile], *, split: str) -> Arrays:
    """The arrays of the four idx files of one set."""
    pairs = (
        (files[f"{stem}-images-idx3-ubyte"], files[f"{stem}-labels-idx1-ubyte"])
        for stem in (f"emnist-{split}-train", f"emnist-{split}-test")
    )
    train, test = (_upright(decode_idx_pair(*pair), split) for pair in pairs)
    return Arrays(train=train, test=test, class_names=_SPLITS[split][0])


def _upright(found: Split, split: str) -> Split:
    """As they are read: the files hold columns where MNIST's hold rows."""
    labels_N = found.labels_N - (split == "letters")  # 1 to 26
    return Split(np.ascontiguousarray(found.images_NCHW.swapaxes(2, 3)), labels_N)


def EMNIST(config: EmnistConfig) -> Source:  # noqa: N802 an entry as the others are
    """The set that a config names."""
    split = config.split
    names, num_train, num_test = _SPLITS[split]
    num_val = num_train // _VAL
    files = {
        f"emnist-{split}-{part}-{kind}-ubyte": Published("", header + num * each)
        for part, num in (("train", num_train), ("test", num_test))
        for kind, header, each in (("images-idx3", 16, 784), ("labels-idx1", 8, 1))
    }
    return Source(
        title=f"EMNIST {split}",
        spec=DatasetSpec(
            (1, 28, 28), len(names), num_train - num_val, num_val, num_test
        ),
        revision=1,
        decode=partial(decode_emnist, split=split),
        files=files,
        folders=("EMNIST/raw", "EMNIST", "emnist", ""),
        torchvision="EMNIST",
        fetched_splits=(split,),
    )
