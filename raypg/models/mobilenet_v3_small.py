"""MobileNetV3-Small (Howard et al. 2019, arXiv:1905.02244, table 2).

Of images below 112 pixels the stem and the first unit that halves keep all pixels
(`raypg.models.stem`), so that 32 pixels end as 4x4. Norms have the paper's epsilon, and
torch's momentum: statistics over the paper's 0.99 want hundreds of steps before the
first evaluation says anything.
"""

from functools import partial
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.inverted import InvertedResidual, Style, round_channels
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, fit_strides, has_large_stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_UNITS = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)
"""Kernel, channels in between, channels after, squeeze, hard swish, stride."""
_NORM = partial(nn.BatchNorm2d, eps=1e-3)
_RELU = Style(build_norm=_NORM, build_activation=lambda: nn.ReLU(inplace=True))
_SWISH = Style(build_norm=_NORM, build_activation=lambda: nn.Hardswish(inplace=True))


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MobileNetV3SmallConfig:
    """The `model.*` names under `mobilenet_v3_small`. Defaults: the paper's 2.5 M."""

    name: Literal["mobilenet_v3_small"] = "mobilenet_v3_small"
    width: float = Field(default=1.0, gt=0, le=8, allow_inf_nan=False)
    """Multiplies the channels, rounded to multiples of 8."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Before the classifier."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: the paper's strides."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5)


def build_mobilenet_v3_small(
    config: MobileNetV3SmallConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A MobileNetV3-Small with fresh weights."""
    strides = [2, *(stride for *_, stride in _UNITS)]
    if not has_large_stem(config.stem, image_shape):
        strides = fit_strides([1, 1, *strides[2:]], min(image_shape[1:]))
    inner = round_channels(16 * config.width)
    layers: list[nn.Module] = [_SWISH.conv(image_shape[0], inner, 3, strides[0])]
    for unit, stride in zip(_UNITS, strides[1:], strict=True):
        kernel, wide, channels, squeeze, swish, _ = unit
        outer = round_channels(channels * config.width)
        block = InvertedResidual(
            inner,
            round_channels(wide * config.width),
            outer,
            kernel=kernel,
            stride=stride,
            style=_SWISH if swish else _RELU,
            squeeze=squeeze,
        )
        layers.append(block)
        inner = outer
    hidden = round_channels(1024 * config.width)
    layers += [
        _SWISH.conv(inner, 6 * inner, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6 * inner, hidden),
        nn.Hardswish(inplace=True),
        nn.Dropout(config.dropout),
        nn.Linear(hidden, num_classes),
    ]
    return init_weights(nn.Sequential(*layers))
