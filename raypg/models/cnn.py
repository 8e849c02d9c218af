"""A small convolutional network: a fast, ordinary opponent for the deep ones."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class CnnConfig:
    """The `model.*` names under `cnn`."""

    name: Literal["cnn"] = "cnn"
    channels: int = Field(default=32, ge=1)
    """Of the first convolution; the second has twice, the third four times as many."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Before the classifier."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs: 2x2 are left to the last batch norm."""
        return 8


def _conv_block(inner: int, outer: int) -> list[nn.Module]:
    conv = nn.Conv2d(inner, outer, 3, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]


def build_cnn(
    config: CnnConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """Three conv-BN-ReLU blocks, pooled between and averaged, with fresh weights."""
    width = config.channels
    network = nn.Sequential(
        *_conv_block(image_shape[0], width),
        nn.MaxPool2d(2),
        *_conv_block(width, 2 * width),
        nn.MaxPool2d(2),
        *_conv_block(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(config.dropout),
        nn.Linear(4 * width, num_classes),
    )
    return init_weights(network)
