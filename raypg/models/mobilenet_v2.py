"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381, table 2).

Of images below 112 pixels the stem and the first stage that halves keep all pixels
(`raypg.models.stem`), so that 32 pixels end as 4x4.
"""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.inverted import InvertedResidual, Style, round_channels
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, fit_strides, has_large_stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""How many times as wide in between, channels, units, stride of the first unit."""
_STYLE = Style(
    build_norm=nn.BatchNorm2d, build_activation=lambda: nn.ReLU6(inplace=True)
)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MobileNetV2Config:
    """The `model.*` names under `mobilenet_v2`. Defaults: the paper's 3.5 M."""

    name: Literal["mobilenet_v2"] = "mobilenet_v2"
    width: float = Field(default=1.0, gt=0, le=8, allow_inf_nan=False)
    """Multiplies the channels, rounded to multiples of 8; the last 1280 never fewer."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Before the classifier."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: the paper's strides."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5)


def build_mobilenet_v2(
    config: MobileNetV2Config, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A MobileNetV2 with fresh weights."""
    strides = [2, *(stride for *_, stride in _STAGES)]
    if not has_large_stem(config.stem, image_shape):
        strides = fit_strides([1, 1, 1, *strides[3:]], min(image_shape[1:]))
    inner = round_channels(32 * config.width)
    layers: list[nn.Module] = [_STYLE.conv(image_shape[0], inner, 3, strides[0])]
    for (factor, channels, num_units, _), stride in zip(
        _STAGES, strides[1:], strict=True
    ):
        outer = round_channels(channels * config.width)
        for index in range(num_units):
            unit = InvertedResidual(
                inner,
                factor * inner,
                outer,
                kernel=3,
                stride=1 if index else stride,
                style=_STYLE,
            )
            layers.append(unit)
            inner = outer
    last = round_channels(1280 * max(1.0, config.width))
    layers += [_STYLE.conv(inner, last, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    classifier = nn.Linear(last, num_classes)
    return init_weights(nn.Sequential(*layers, nn.Dropout(config.dropout), classifier))
