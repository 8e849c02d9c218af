"""The networks a trial can train: one architecture a file, `MODELS` names them.

A newcomer takes three lines here: an import, its config in `ModelConfig`, its builder
in `MODELS`. They are no part of what the trials of others were trained with.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from raypg.errors import RegistryError, suggest_name
from raypg.models.cnn import CnnConfig, build_cnn
from raypg.models.densenet import DenseNetConfig, build_densenet, effective_depth
from raypg.models.lenet import LenetConfig, build_lenet
from raypg.models.libraries import (
    TimmConfig,
    TorchvisionConfig,
    build_timm,
    build_torchvision,
)
from raypg.models.mlp import MlpConfig, build_mlp
from raypg.models.mnist_cnn import MnistCnnConfig, build_mnist_cnn
from raypg.models.mobilenet_v2 import MobileNetV2Config, build_mobilenet_v2
from raypg.models.mobilenet_v3_small import (
    MobileNetV3SmallConfig,
    build_mobilenet_v3_small,
)
from raypg.models.own import build_own
from raypg.models.paired_cnn import PairedCnnConfig, build_paired_cnn
from raypg.models.resnet import ResNetConfig, build_resnet
from raypg.models.shufflenet_v1 import ShuffleNetV1Config, build_shufflenet_v1
from raypg.models.shufflenet_v2 import ShuffleNetV2Config, build_shufflenet_v2
from raypg.models.simple_dla import SimpleDlaConfig, build_simple_dla
from raypg.models.size import ImageShape, count_flops, num_parameters
from raypg.models.vgg import VggConfig, build_vgg
from raypg.models.vit import VitConfig, build_vit
from raypg.models.wide_resnet import WideResNetConfig, build_wide_resnet
from raypg.own import OwnConfig, is_own

ModelConfig = (
    Annotated[
        CnnConfig
        | DenseNetConfig
        | LenetConfig
        | MlpConfig
        | MnistCnnConfig
        | MobileNetV2Config
        | MobileNetV3SmallConfig
        | PairedCnnConfig
        | ResNetConfig
        | ShuffleNetV1Config
        | ShuffleNetV2Config
        | SimpleDlaConfig
        | VggConfig
        | VitConfig
        | WideResNetConfig,
        Field(discriminator="name"),
    ]
    | TorchvisionConfig
    | TimmConfig
    | OwnConfig
)

MODELS: dict[str, Callable[[Any, ImageShape, int], nn.Module]] = {
    "cnn": build_cnn,
    "densenet": build_densenet,
    "lenet": build_lenet,
    "mlp": build_mlp,
    "mnist_cnn": build_mnist_cnn,
    "mobilenet_v2": build_mobilenet_v2,
    "mobilenet_v3_small": build_mobilenet_v3_small,
    "paired_cnn": build_paired_cnn,
    "resnet": build_resnet,
    "shufflenet_v1": build_shufflenet_v1,
    "shufflenet_v2": build_shufflenet_v2,
    "simple_dla": build_simple_dla,
    "vgg": build_vgg,
    "vit": build_vit,
    "wide_resnet": build_wide_resnet,
}

LIBRARIES: dict[str, Callable[[Any, ImageShape, int], nn.Module]] = {
    "timm": build_timm,
    "torchvision": build_torchvision,
}
"""Whose networks are named after a slash: `torchvision/resnet18`."""


def _builder(name: str) -> Callable[[Any, ImageShape, int], nn.Module]:
    if is_own(name):
        return build_own
    library, slash, _ = name.partition("/")
    if slash and library in LIBRARIES:
        return LIBRARIES[library]
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
