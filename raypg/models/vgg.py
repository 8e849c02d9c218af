"""VGG with batch norm (Simonyan & Zisserman 2015, arXiv:1409.1556, table 1).

Images from 112 pixels get the paper's classifier, two hidden layers over a 7x7 map. Of
smaller images the last map is averaged, and one linear layer follows, as is usual for
CIFAR; a pooling that would leave less than 2x2 to a norm is left out.
"""

from typing import Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.stem import Stem, has_large_stem
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_NUM_CONVS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Before each pooling: the paper's A, B, D and E."""
_CHANNELS = (64, 128, 256, 512, 512)
_HIDDEN = 4096
_MAP = 7
_SMALLEST_OF_LARGE = 32


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class VggConfig:
    """The `model.*` names under `vgg`. Defaults: the smallest of the paper's."""

    name: Literal["vgg"] = "vgg"
    depth: int = 11
    """Layers with weights, under the large stem: 11, 13, 16 or 19."""
    width: float = Field(default=1.0, gt=0, le=8, allow_inf_nan=False)
    """Multiplies the channels, 64 to 512, and the hidden layers' 4096 units."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Before each linear layer but the first of several."""
    stem: Stem = Field(default="auto")
    """`large` from 112 pixels: five poolings and three linear layers; else `small`."""

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        if depth not in _NUM_CONVS:
            raise ValueError("must be 11, 13, 16 or 19")
        return depth

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return _SMALLEST_OF_LARGE if self.stem == "large" else 2


def build_vgg(
    config: VggConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """A VGG with fresh weights."""
    large = has_large_stem(config.stem, image_shape)
    inner, sides = image_shape[0], list(image_shape[1:])
    layers: list[nn.Module] = []
    stages = list(zip(_CHANNELS, _NUM_CONVS[config.depth], strict=True))
    for stage, (channels, num_convs) in enumerate(stages):
        outer = max(1, round(channels * config.width))
        for _ in range(num_convs):
            conv = nn.Conv2d(inner, outer, 3, padding=1)
            layers += [conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]
            inner = outer
        is_last = stage == len(stages) - 1
        if large or min(sides) >= (2 if is_last else 4):
            layers.append(nn.MaxPool2d(2))
            sides = [side // 2 for side in sides]
    if large:
        layers += _large_classifier(config, inner, sides, num_classes)
    else:
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(config.dropout)]
        layers.append(nn.Linear(inner, num_classes))
    return init_weights(nn.Sequential(*layers))


def _large_classifier(
    config: VggConfig, channels: int, sides: list[int], num_classes: int
) -> list[nn.Module]:
    hidden = max(1, round(_HIDDEN * config.width))
    layers: list[nn.Module] = []
    if sides != [_MAP, _MAP]:
        layers.append(nn.AdaptiveAvgPool2d(_MAP))
    layers.append(nn.Flatten())
    inner = channels * _MAP * _MAP
    for _ in range(2):
        layers += [nn.Linear(inner, hidden), nn.ReLU(inplace=True)]
        layers.append(nn.Dropout(config.dropout))
        inner = hidden
    return [*layers, nn.Linear(inner, num_classes)]
