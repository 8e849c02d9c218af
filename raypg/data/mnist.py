"""MNIST: 70,000 handwritten digits of 28×28 pixels (LeCun et al. 1998).

5,000 of the 60,000 training images are the validation split.
"""

from collections.abc import Mapping

from raypg.data.dataset import Arrays
from raypg.data.idx import IDX_SPEC, decode_idx_split, published_idx
from raypg.data.source import RawFile, Source


def decode_mnist(files: Mapping[str, RawFile]) -> Arrays:
    """The arrays of the four idx files."""
    return Arrays(
        train=decode_idx_split(files, "train"),
        test=decode_idx_split(files, "t10k"),
        class_names=tuple("0123456789"),
    )


MNIST = Source(
    title="MNIST",
    spec=IDX_SPEC,
    revision=1,
    decode=decode_mnist,
    files=published_idx(
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ),
    folders=("MNIST/raw", "mnist", ""),
    torchvision="MNIST",
)
