"""A multilayer perceptron: what is reached without looking at neighbourhoods."""

import math
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MlpConfig:
    """The `model.*` names under `mlp`."""

    name: Literal["mlp"] = "mlp"
    hidden: int = Field(default=128, ge=1)
    """Units of each hidden layer."""
    num_layers: int = Field(default=2, ge=1)
    """Hidden layers."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """After each hidden layer."""

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return 1


def build_mlp(
    config: MlpConfig, image_shape: ImageShape, num_classes: int
) -> nn.Sequential:
    """Linear-ReLU layers over the flattened image, with fresh weights."""
    layers: list[nn.Module] = [nn.Flatten()]
    inner = math.prod(image_shape)
    for _ in range(config.num_layers):
        layers += [nn.Linear(inner, config.hidden), nn.ReLU(inplace=True)]
        layers.append(nn.Dropout(config.dropout))
        inner = config.hidden
    return init_weights(nn.Sequential(*layers, nn.Linear(inner, num_classes)))
