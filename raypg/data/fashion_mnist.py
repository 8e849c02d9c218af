"""Fashion-MNIST: 70,000 pieces of clothing, 28×28 pixels (Xiao et al. 2017).

5,000 of the 60,000 training images are the validation split. Debian has the files in
the package dataset-fashion-mnist.
"""

from collections.abc import Mapping

from raypg.data.dataset import Arrays
from raypg.data.idx import IDX_SPEC, decode_idx_split, published_idx
from raypg.data.source import RawFile, Source

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def decode_fashion_mnist(files: Mapping[str, RawFile]) -> Arrays:
    """The arrays of the four idx files."""
    return Arrays(
        train=decode_idx_split(files, "train"),
        test=decode_idx_split(files, "t10k"),
        class_names=CLASS_NAMES,
    )


FASHION_MNIST = Source(
    title="Fashion-MNIST",
    spec=IDX_SPEC,
    revision=1,
    decode=decode_fashion_mnist,
    files=published_idx(
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ),
    folders=("FashionMNIST/raw", "fashion_mnist", ""),
    system_folders=("/usr/share/datasets/fashion-mnist",),
    torchvision="FashionMNIST",
)
