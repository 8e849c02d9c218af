"""The network of PyTorch's MNIST example: two 3x3 convolutions and a hidden layer.

1,199,882 parameters on MNIST. Images above 32 pixels: the last map is averaged to that
of 32 pixels, so that the hidden layer stays as it is.
"""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_HIDDEN = 128
_MAP = 14
"""Pixels of the last map's side, of images of 32."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MnistCnnConfig:
    """The `model.*` names under `mnist_cnn`."""

    name: Literal["mnist_cnn"] = "mnist_cnn"
    conv_dropout: float = Field(default=0.25, ge=0, lt=1)
    """After the convolutions."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """After the hidden layer."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return 6


def build_mnist_cnn(
    config: MnistCnnConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """The network with fresh weights."""
    sides = [(side - 4) // 2 for side in image_shape[1:]]
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], 32, 3),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    ]
    if max(sides) > _MAP:
        layers.append(nn.AdaptiveAvgPool2d(_MAP))
        sides = [_MAP, _MAP]
    layers += [
        nn.Dropout(config.conv_dropout),
        nn.Flatten(),
        nn.Linear(64 * sides[0] * sides[1], _HIDDEN),
        nn.ReLU(inplace=True),
        nn.Dropout(config.dropout),
        nn.Linear(_HIDDEN, num_classes),
    ]
    return init_weights(nn.Sequential(*layers))
