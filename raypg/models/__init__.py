"""The networks a trial can train: one architecture a file, `MODELS` names them."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from raypg.errors import RegistryError, suggest_name
from raypg.models.cnn import CnnConfig, build_cnn
from raypg.models.densenet import DenseNetConfig, build_densenet, effective_depth
from raypg.models.mlp import MlpConfig, build_mlp
from raypg.models.resnet import ResNetConfig, build_resnet
from raypg.models.size import ImageShape, count_flops, num_parameters

__all__ = [
    "MODELS",
    "CnnConfig",
    "DenseNetConfig",
    "ImageShape",
    "MlpConfig",
    "ModelConfig",
    "ResNetConfig",
    "build_model",
    "count_flops",
    "effective_depth",
    "model_source_file",
    "num_parameters",
]

ModelConfig = Annotated[
    CnnConfig | DenseNetConfig | MlpConfig | ResNetConfig, Field(discriminator="name")
]

MODELS: dict[str, Callable[[Any, ImageShape, int], nn.Module]] = {
    "cnn": build_cnn,
    "densenet": build_densenet,
    "mlp": build_mlp,
    "resnet": build_resnet,
}


def _builder(name: str) -> Callable[[Any, ImageShape, int], nn.Module]:
    if name not in MODELS:
        fix = suggest_name(name, MODELS)
        raise RegistryError("model.name", "must be in MODELS", f'"{name}"', fix)
    return MODELS[name]


def build_model(
    config: ModelConfig, image_shape: ImageShape, num_classes: int
) -> nn.Module:
    """The network that `config.name` stands for, in training mode, with fresh weights.

    Weights come from torch's global generator and lie on the default device: CPU, or
    none at all inside `with torch.device("meta")`.
    """
    return _builder(config.name)(config, image_shape, num_classes)


def model_source_file(config: ModelConfig) -> Path:
    """The file that defines the network: part of the fingerprint of its trials."""
    return Path(inspect.getfile(_builder(config.name)))
