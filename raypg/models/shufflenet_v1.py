"""ShuffleNet (Zhang et al. 2018, arXiv:1707.01083, table 1).

Of images below 112 pixels the stem and the first stage keep all pixels
(`raypg.models.stem`), so that 32 pixels end as 8x8: grouped convolutions are narrow,
and on small maps see little.

Shapes: B images, C channels, H by W pixels, K classes.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.size import ImageShape
from raypg.models.stem import Stem, fit_strides, has_large_stem, smallest_side
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_FIRST = 24
_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""After stage 2, by the number of groups; each further stage has twice as many."""
_NUM_UNITS = (4, 8, 4)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ShuffleNetV1Config:
    """The `model.*` names under `shufflenet_v1`. Defaults: the paper's 1x, g=3."""

    name: Literal["shufflenet_v1"] = "shufflenet_v1"
    groups: int = 3
    """Of the 1x1 convolutions: 1, 2, 3, 4 or 8; more groups, more channels."""
    width: float = Field(default=1.0, gt=0, le=8, allow_inf_nan=False)
    """Multiplies the channels of the stages, rounded so that the groups divide them."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: stride 2, and pooling."""

    @field_validator("groups")
    @classmethod
    def _check_groups(cls, groups: int) -> int:
        if groups not in _CHANNELS:
            raise ValueError("must be 1, 2, 3, 4 or 8")
        return groups

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return smallest_side(self.stem, 5)


class _Unit(nn.Module):
    """Grouped 1x1, shuffle, a filter a channel, grouped 1x1.

    Args:
        inner: channels before it.
        outer: channels after it, of which a quarter lies in between.
        stride: of the filters.
        groups: of both 1x1 convolutions.
        joins: puts its output beside its input, and does not add it: the first unit of
            a stage.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        stride: int,
        groups: tuple[int, int],
        *,
        joins: bool,
    ) -> None:
        super().__init__()
        narrow, fresh = outer // 4, outer - inner if joins else outer
        self.groups = groups[1]
        self.narrow = nn.Conv2d(inner, narrow, 1, groups=groups[0], bias=False)
        self.norm1 = nn.BatchNorm2d(narrow)
        self.filter = nn.Conv2d(
            narrow, narrow, 3, stride, padding=1, groups=narrow, bias=False
        )
        self.norm2 = nn.BatchNorm2d(narrow)
        self.widen = nn.Conv2d(narrow, fresh, 1, groups=groups[1], bias=False)
        self.norm3 = nn.BatchNorm2d(fresh)
        self.joins = joins
        self.pool = nn.AvgPool2d(3, 2, padding=1) if stride == 2 else nn.Identity()

    def forward(self, features_BCHW: Tensor) -> Tensor:
        fresh = F.relu(self.norm1(self.narrow(features_BCHW)), inplace=True)
        fresh = self.norm2(self.filter(torch.channel_shuffle(fresh, self.groups)))
        fresh = self.norm3(self.widen(fresh))
        if self.joins:
            joined = torch.cat([self.pool(features_BCHW), fresh], 1)
            return F.relu(joined, inplace=True)
        return F.relu(features_BCHW + fresh, inplace=True)


def build_shufflenet_v1(
    config: ShuffleNetV1Config, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A ShuffleNet with fresh weights."""
    large = has_large_stem(config.stem, image_shape)
    strides = [2, 2, 2]
    if not large:
        strides = fit_strides([1, 2, 2], min(image_shape[1:]))
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], _FIRST, 3, 2 if large else 1, padding=1, bias=False),
        nn.BatchNorm2d(_FIRST),
        nn.ReLU(inplace=True),
    ]
    if large:
        layers.append(nn.MaxPool2d(3, 2, padding=1))
    unit = 4 * config.groups
    # The first stage puts its output beside what comes from the stem.
    least = _FIRST // unit + 1
    first = unit * max(least, round(_CHANNELS[config.groups] * config.width / unit))
    inner = _FIRST
    for stage, (num_units, stride) in enumerate(zip(_NUM_UNITS, strides, strict=True)):
        outer = first * 2**stage
        for index in range(num_units):
            # So few channels come from the stem that their convolution has no groups.
            groups = (1 if inner == _FIRST else config.groups, config.groups)
            step = 1 if index else stride
            layers.append(_Unit(inner, outer, step, groups, joins=index == 0))
            inner = outer
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, num_classes)]
    return init_weights(nn.Sequential(*layers))
