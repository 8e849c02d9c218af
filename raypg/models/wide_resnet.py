"""Wide-ResNet (Zagoruyko & Komodakis 2016, arXiv:1605.07146).

Depths 6n+4 are the networks for CIFAR: pre-activation units of two 3x3 convolutions,
`width` times as wide, with dropout between them. Depths 50 and 101 are ImageNet's: the
ResNet whose bottlenecks alone are wider (WRN-50-2-bottleneck), without dropout.
"""

from functools import partial
from typing import Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.residual import (
    BottleneckUnit,
    Layout,
    PreactivationUnit,
    ResidualNet,
)
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_IMAGENET = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class WideResNetConfig:
    """The `model.*` names under `wide_resnet`. Defaults: the paper's WRN-16-4."""

    name: Literal["wide_resnet"] = "wide_resnet"
    depth: int = Field(default=16, ge=1)
    """6n+4: 10, 16, 22, 28, 40; or 50, 101."""
    width: float = Field(default=4.0, gt=0, le=64, allow_inf_nan=False)
    """The paper's k: multiplies the channels 16, 32, 64 of the stages; of 50 and 101
    the channels 64 to 512 within the bottlenecks, where 2 is usual."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Between the convolutions of a unit; 0.3 in the paper. None at depths 50, 101."""
    stochastic_depth: float = Field(default=0.0, ge=0, lt=1)
    """The chance that an example skips the last unit in training, or less in those
    before it, in even steps; 0.5 in the paper."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: 7x7 with stride 2, and pooling."""

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        if depth in _IMAGENET or (depth >= 10 and depth % 6 == 4):
            return depth
        lower = max(10, depth - (depth - 4) % 6)
        raise ValueError(f"must be 6n+4, 50 or 101 (nearest: {lower} and {lower + 6})")

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5 if self.depth in _IMAGENET else 4)


def build_wide_resnet(
    config: WideResNetConfig, image_shape: ImageShape, num_classes: int
) -> ResidualNet:
    """A Wide-ResNet with fresh weights."""
    network = ResidualNet(_layout(config), config.stem, image_shape, num_classes)
    return init_weights(network)


def _layout(config: WideResNetConfig) -> Layout:
    if config.depth in _IMAGENET:
        return Layout(
            first=64,
            channels=(256, 512, 1024, 2048),
            num_units=_IMAGENET[config.depth],
            build_unit=partial(BottleneckUnit, narrowing=4 / config.width),
            stochastic_depth=config.stochastic_depth,
        )
    return Layout(
        first=16,
        channels=[max(1, round(base * config.width)) for base in (16, 32, 64)],
        num_units=((config.depth - 4) // 6,) * 3,
        build_unit=partial(_build_unit, dropout=config.dropout),
        preactivation=True,
        stochastic_depth=config.stochastic_depth,
    )


def _build_unit(inner: int, outer: int, stride: int, *, dropout: float) -> nn.Module:
    channels, kernels = [inner, outer, outer], [3, 3]
    return PreactivationUnit(channels, kernels, stride, project=True, dropout=dropout)
