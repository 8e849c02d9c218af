"""ShuffleNetV2 (Ma et al. 2018, arXiv:1807.11164, table 5).

Of images below 112 pixels the stem keeps all pixels (`raypg.models.stem`), so that 32
pixels end as 4x4.

Shapes: B images, C channels, H by W pixels, K classes.
"""

from typing import Literal

import torch
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.size import ImageShape
from raypg.models.stem import Stem, fit_strides, has_large_stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_FIRST = 24
_CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
"""After the three stages, and before the classifier."""
_NUM_UNITS = (4, 8, 4)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ShuffleNetV2Config:
    """The `model.*` names under `shufflenet_v2`. Defaults: the paper's 1x."""

    name: Literal["shufflenet_v2"] = "shufflenet_v2"
    width: float = 1.0
    """0.5, 1, 1.5 or 2: the paper's, which give the channels of each stage."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: stride 2, and pooling."""

    @field_validator("width")
    @classmethod
    def _check_width(cls, width: float) -> float:
        if width not in _CHANNELS:
            raise ValueError("must be 0.5, 1, 1.5 or 2")
        return width

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5)


def _filter(channels: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(
        channels, channels, 3, stride, padding=1, groups=channels, bias=False
    )
    return [conv, nn.BatchNorm2d(channels)]


def _mix(inner: int, outer: int) -> list[nn.Module]:
    conv = nn.Conv2d(inner, outer, 1, bias=False)
    return [conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


class _Unit(nn.Module):
    """Half the channels pass, half are filtered, and both are shuffled.

    The first unit of a stage filters all channels in both halves.
    """

    def __init__(self, inner: int, outer: int, stride: int, *, is_first: bool) -> None:
        super().__init__()
        half = outer // 2
        self.passed: nn.Sequential | None = None
        if is_first:
            self.passed = nn.Sequential(*_filter(inner, stride), *_mix(inner, half))
        self.filtered = nn.Sequential(
            *_mix(inner if is_first else half, half),
            *_filter(half, stride),
            *_mix(half, half),
        )

    def forward(self, features_BCHW: Tensor) -> Tensor:
        if self.passed is None:
            passed, features_BCHW = features_BCHW.chunk(2, 1)
        else:
            passed = self.passed(features_BCHW)
        joined = torch.cat([passed, self.filtered(features_BCHW)], 1)
        return torch.channel_shuffle(joined, 2)


def build_shufflenet_v2(
    config: ShuffleNetV2Config, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A ShuffleNetV2 with fresh weights."""
    large = has_large_stem(config.stem, image_shape)
    strides = [2, 2, 2]
    if not large:
        strides = fit_strides(strides, min(image_shape[1:]))
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], _FIRST, 3, 2 if large else 1, padding=1, bias=False),
        nn.BatchNorm2d(_FIRST),
        nn.ReLU(inplace=True),
    ]
    if large:
        layers.append(nn.MaxPool2d(3, 2, padding=1))
    *channels, last = _CHANNELS[config.width]
    inner = _FIRST
    for outer, num_units, stride in zip(channels, _NUM_UNITS, strides, strict=True):
        for index in range(num_units):
            step, is_first = (1, False) if index else (stride, True)
            layers.append(_Unit(inner, outer, step, is_first=is_first))
            inner = outer
    layers += [*_mix(inner, last), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return init_weights(nn.Sequential(*layers, nn.Linear(last, num_classes)))
