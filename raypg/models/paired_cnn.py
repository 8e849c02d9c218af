"""Six 3x3 convolutions in pairs, then two hidden layers.

5,852,234 parameters on CIFAR-10. Pooling and batch norm follow each pair; a pooling
that would leave less than 2x2 to its norm is left out. Images above 32 pixels: the last
map is averaged to 4x4, so that the linear layers stay as they are.
"""

from typing import Literal

from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_PAIRS = ((32, 64), (128, 128), (256, 256))
_HIDDEN = (1024, 512)
_MAP = 4
"""Pixels of the last map's side, of images of 32."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class PairedCnnConfig:
    """The `model.*` names under `paired_cnn`: there is nothing to choose."""

    name: Literal["paired_cnn"] = "paired_cnn"

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return 2


def build_paired_cnn(
    config: PairedCnnConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """The network with fresh weights."""
    layers: list[nn.Module] = []
    inner, sides = image_shape[0], list(image_shape[1:])
    for pair in _PAIRS:
        for outer in pair:
            conv = nn.Conv2d(inner, outer, 3, padding=1)
            layers += [conv, nn.ReLU(inplace=True)]
            inner = outer
        if min(sides) >= 4:
            layers.append(nn.MaxPool2d(2))
            sides = [side // 2 for side in sides]
        layers.append(nn.BatchNorm2d(inner))
    if max(sides) > _MAP:
        layers.append(nn.AdaptiveAvgPool2d(_MAP))
        sides = [_MAP, _MAP]
    layers.append(nn.Flatten())
    inner *= sides[0] * sides[1]
    for outer in _HIDDEN:
        layers += [nn.Linear(inner, outer), nn.ReLU(inplace=True)]
        inner = outer
    return init_weights(nn.Sequential(*layers, nn.Linear(inner, num_classes)))
