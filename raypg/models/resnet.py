"""ResNet, with and without pre-activation (He et al. 2016).

Depths 18 to 152 are ImageNet's networks, with projection shortcuts (arXiv:1512.03385,
table 1). 6n+2 are section 4.2's for CIFAR, with parameter-free shortcuts (option A), as
there; 164 and 1001 are those with bottlenecks of arXiv:1603.05027. Images below 112
pixels get a 3x3 stem (`raypg.models.stem`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.residual import (
    BasicUnit,
    BottleneckUnit,
    Layout,
    PreactivationUnit,
    ResidualNet,
)
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_IMAGENET = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_CIFAR = (8, 14, 20, 32, 44, 56, 110)
_CIFAR_BOTTLENECK = (164, 1001)
_DEPTHS = (*_IMAGENET, *_CIFAR, *_CIFAR_BOTTLENECK)
_EXPANSION = 4


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ResNetConfig:
    """The `model.*` names under `resnet`. Defaults: the smallest of the paper's."""

    name: Literal["resnet"] = "resnet"
    depth: int = 20
    """18, 34, 50, 101, 152; or 6n+2: 8, 14, 20, 32, 44, 56, 110; or 164, 1001."""
    width: float = Field(default=1.0, gt=0, le=64, allow_inf_nan=False)
    """Multiplies the channels: 64 to 512 of ImageNet's networks, else 16 to 64."""
    preactivation: bool = Field(default=False)
    """Norm and ReLU before each convolution, and none after the addition."""
    stochastic_depth: float = Field(default=0.0, ge=0, lt=1)
    """The chance that an example skips the last unit in training, or less in those
    before it, in even steps; 0.5 in the paper."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: 7x7 with stride 2, and pooling."""

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        if depth in _DEPTHS:
            return depth
        near = sorted(sorted(_DEPTHS, key=lambda known: abs(known - depth))[:2])
        raise ValueError(
            f"must be ImageNet's or 6n+2 (nearest: {near[0]} and {near[1]})"
        )

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5 if self.depth in _IMAGENET else 4)


def build_resnet(
    config: ResNetConfig, image_shape: ImageShape, num_classes: int
) -> ResidualNet:
    """A ResNet with fresh weights."""
    network = ResidualNet(_layout(config), config.stem, image_shape, num_classes)
    return init_weights(network)


def _layout(config: ResNetConfig) -> Layout:
    depth = config.depth
    has_bottlenecks = depth in (50, 101, 152, *_CIFAR_BOTTLENECK)
    bases: Sequence[int] = (64, 128, 256, 512) if depth in _IMAGENET else (16, 32, 64)
    bases = [max(1, round(base * config.width)) for base in bases]
    same = (depth - 2) // (9 if has_bottlenecks else 6)
    num_units: Sequence[int] = _IMAGENET.get(depth, ())
    expansion = _EXPANSION if has_bottlenecks else 1
    return Layout(
        first=bases[0],
        channels=[expansion * base for base in bases],
        num_units=num_units or (same,) * 3,
        build_unit=partial(
            _build_unit,
            bottleneck=has_bottlenecks,
            preactivation=config.preactivation,
            project=has_bottlenecks or depth in _IMAGENET,
        ),
        preactivation=config.preactivation,
        stochastic_depth=config.stochastic_depth,
    )


def _build_unit(
    inner: int,
    outer: int,
    stride: int,
    *,
    bottleneck: bool,
    preactivation: bool,
    project: bool,
) -> nn.Module:
    if not preactivation:
        if bottleneck:
            return BottleneckUnit(inner, outer, stride, _EXPANSION)
        return BasicUnit(inner, outer, stride, project=project)
    narrow = outer // _EXPANSION
    channels = [inner, narrow, narrow, outer] if bottleneck else [inner, outer, outer]
    kernels = [1, 3, 1] if bottleneck else [3, 3]
    return PreactivationUnit(channels, kernels, stride, project=project)
