"""Deep layer aggregation, simplified (Yu et al. 2018, arXiv:1707.06484).

Trees of residual units, whose halves are joined by a 1x1 convolution. The paper's
DLA-34 also hands each stage's input and earlier joins to its last one; this network,
which goes round as SimpleDLA for CIFAR, does not. Images below 112 pixels keep all
pixels for the first four stages (`raypg.models.stem`), so that 32 end as 4x4.

Shapes: B images, C channels, H by W pixels, K classes.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.residual import BasicUnit
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, fit_strides, has_large_stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_CHANNELS = (16, 16, 32, 64, 128, 256, 512)
_LEVELS = (1, 2, 2, 1)
"""Of the trees, which are the last four stages; a tree of level 2 has two within."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class SimpleDlaConfig:
    """The `model.*` names under `simple_dla`."""

    name: Literal["simple_dla"] = "simple_dla"
    width: float = Field(default=1.0, gt=0, le=8, allow_inf_nan=False)
    """Multiplies the channels, 16 to 512."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: 7x7 first, and the paper's strides."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5)


class _Tree(nn.Module):
    """Two units (or two trees) one after the other, and a convolution over both."""

    def __init__(self, inner: int, outer: int, stride: int, level: int) -> None:
        super().__init__()
        self.left = _branch(inner, outer, stride, level)
        self.right = _branch(outer, outer, 1, level)
        self.join = nn.Conv2d(2 * outer, outer, 1, bias=False)
        self.norm = nn.BatchNorm2d(outer)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        left = self.left(features_BCHW)
        both = torch.cat([left, self.right(left)], 1)
        return F.relu(self.norm(self.join(both)), inplace=True)


def _branch(inner: int, outer: int, stride: int, level: int) -> nn.Module:
    if level == 1:
        return BasicUnit(inner, outer, stride)
    return _Tree(inner, outer, stride, level - 1)


def _conv(inner: int, outer: int, kernel: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(inner, outer, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def build_simple_dla(
    config: SimpleDlaConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A SimpleDLA with fresh weights."""
    large = has_large_stem(config.stem, image_shape)
    strides = [1, 1, 2, 2, 2, 2, 2]
    if not large:
        strides = fit_strides([1, 1, 1, 1, 2, 2, 2], min(image_shape[1:]))
    channels = [max(1, round(base * config.width)) for base in _CHANNELS]
    inner = channels[0]
    layers = _conv(image_shape[0], inner, 7 if large else 3, strides[0])
    for outer, stride in zip(channels[1:3], strides[1:3], strict=True):
        layers += _conv(inner, outer, 3, stride)
        inner = outer
    for outer, stride, level in zip(channels[3:], strides[3:], _LEVELS, strict=True):
        layers.append(_Tree(inner, outer, stride, level))
        inner = outer
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, num_classes)]
    return init_weights(nn.Sequential(*layers))
