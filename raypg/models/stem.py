"""How images of any size enter a network: which stem, and which strides after it.

Networks for ImageNet make 7x7 of 224 pixels, 1/32. Of small images the first layers
keep every pixel, as is usual for CIFAR: the *small* stem is a 3x3 convolution of stride
1 and no pooling, so that 32 pixels end as 4x4, and 64 as 8x8. The *large* stem is the
paper's.
"""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from raypg.models.size import ImageShape

Stem = Literal["auto", "small", "large"]
"""`auto` is large from 112 pixels on, where 1/32 comes as near to 7 as 1/8 does."""

_LARGE_FROM = 112


def has_large_stem(stem: Stem, image_shape: ImageShape) -> bool:
    """Whether images of this shape get the paper's stem."""
    if stem == "auto":
        return min(image_shape[1:]) >= _LARGE_FROM
    return stem == "large"


def first_conv(in_channels: int, channels: int, *, large: bool) -> nn.Conv2d:
    """Of ResNets and DenseNets: 7x7 with stride 2, or 3x3."""
    kernel, stride = (7, 2) if large else (3, 1)
    padding = kernel // 2
    return nn.Conv2d(in_channels, channels, kernel, stride, padding, bias=False)


def fit_strides(strides: Sequence[int], side: int) -> list[int]:
    """Strides behind a small stem: one that would leave less than 2x2 becomes 1.

    Batch norm has no variance over the single value that a channel of one image has.

    Args:
        strides: the paper's, each 1 or 2.
        side: pixels of the shorter side.
    """
    fitted = []
    for stride in strides:
        fitted.append(stride if side >= 4 else 1)
        side = -(-side // fitted[-1])
    return fitted


def smallest_side(stem: Stem, num_halvings: int) -> int:
    """Pixels of the smallest image, of which 2x2 are left to the last batch norm.

    Args:
        stem: what the config says; none but `large` leaves the strides as they are.
        num_halvings: of the paper's network, all of which round up.
    """
    return 2**num_halvings + 1 if stem == "large" else 2
