"""A network in the manner of LeNet-5 (LeCun et al. 1998), with ReLU and max-pooling.

62,006 parameters on CIFAR-10, as in PyTorch's own tutorial. Images below 16 pixels are
padded before each convolution; above 32 pixels the last map is averaged to 5x5, so that
the linear layers stay as they are.
"""

from typing import Literal

from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_PADDED_BELOW = 16
_MAP = 5
"""Pixels of the last map's side, of images of 32."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class LenetConfig:
    """The `model.*` names under `lenet`: there is nothing to choose."""

    name: Literal["lenet"] = "lenet"

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return 4


def build_lenet(
    config: LenetConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """Two 5x5 convolutions, 6 and 16 channels, then 120 and 84 units."""
    padding = 2 if min(image_shape[1:]) < _PADDED_BELOW else 0
    layers: list[nn.Module] = []
    inner, sides = image_shape[0], list(image_shape[1:])
    for outer in (6, 16):
        conv = nn.Conv2d(inner, outer, 5, padding=padding)
        layers += [conv, nn.ReLU(inplace=True), nn.MaxPool2d(2)]
        inner = outer
        sides = [(side + 2 * padding - 4) // 2 for side in sides]
    if max(sides) > _MAP:
        layers.append(nn.AdaptiveAvgPool2d(_MAP))
        sides = [_MAP, _MAP]
    layers.append(nn.Flatten())
    inner *= sides[0] * sides[1]
    for outer in (120, 84):
        layers += [nn.Linear(inner, outer), nn.ReLU(inplace=True)]
        inner = outer
    return init_weights(nn.Sequential(*layers, nn.Linear(inner, num_classes)))
