"""Our networks against torchvision's: the same weights in, the same numbers out."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.vision_transformer import VisionTransformer

from raypg.models import (
    DenseNetConfig,
    MobileNetV2Config,
    MobileNetV3SmallConfig,
    ModelConfig,
    ResNetConfig,
    ShuffleNetV2Config,
    VggConfig,
    VitConfig,
    WideResNetConfig,
    build_model,
    num_parameters,
)

IMAGES = (3, 224, 224)
IMAGENET_BC = DenseNetConfig(
    bottleneck=True, compression=0.5, growth_rate=32, depth=121
)
VIT_B = VitConfig(hidden=768, num_heads=12)
PEERS: Mapping[str, ModelConfig] = {
    "densenet121": IMAGENET_BC,
    "densenet161": dataclasses.replace(IMAGENET_BC, depth=161, growth_rate=48),
    "densenet169": dataclasses.replace(IMAGENET_BC, depth=169),
    "densenet201": dataclasses.replace(IMAGENET_BC, depth=201),
    "mobilenet_v2": MobileNetV2Config(),
    "mobilenet_v3_small": MobileNetV3SmallConfig(),
    "resnet18": ResNetConfig(depth=18),
    "resnet34": ResNetConfig(depth=34),
    "resnet50": ResNetConfig(depth=50),
    "resnet101": ResNetConfig(depth=101),
    "resnet152": ResNetConfig(depth=152),
    "shufflenet_v2_x0_5": ShuffleNetV2Config(width=0.5),
    "shufflenet_v2_x1_0": ShuffleNetV2Config(),
    "shufflenet_v2_x1_5": ShuffleNetV2Config(width=1.5),
    "shufflenet_v2_x2_0": ShuffleNetV2Config(width=2.0),
    "vgg11_bn": VggConfig(),
    "vgg13_bn": VggConfig(depth=13),
    "vgg16_bn": VggConfig(depth=16),
    "vgg19_bn": VggConfig(depth=19),
    "vit_b_16": VIT_B,
    "vit_b_32": dataclasses.replace(VIT_B, patch_size=32),
    "wide_resnet101_2": WideResNetConfig(depth=101, width=2.0),
    "wide_resnet50_2": WideResNetConfig(depth=50, width=2.0),
}
COMPARED = [
    "densenet121",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet18",
    "resnet34",
    "resnet50",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "vgg11_bn",
    "wide_resnet50_2",
]
"""One of each kind, and no further ones, which take their time."""


@pytest.mark.parametrize("name", sorted(PEERS))
def test_our_networks_have_the_parameters_that_torchvision_publishes(name: str) -> None:
    with torch.device("meta"):
        ours = build_model(PEERS[name], IMAGES, num_classes=1000)
    published = models.get_model_weights(name).DEFAULT.meta["num_params"]
    assert num_parameters(ours) == published


def drawn(theirs: nn.Module) -> nn.Module:
    """A network of the meta device with random values everywhere, for evaluation."""
    torch.manual_seed(0)
    theirs.to_empty(device="cpu")
    for name, value in theirs.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif value.ndim > 1:
            value.normal_(0, value[0].numel() ** -0.5)
        elif value.is_floating_point():
            value.uniform_(-0.5, 0.5)
        else:
            value.zero_()
    return theirs.eval()


def weights_of(theirs: nn.Module) -> list[Tensor]:
    """In our order, which differs in one place: the positions come second."""
    state = dict(theirs.state_dict())
    positions = state.pop("encoder.pos_embedding", None)
    values = list(state.values())
    return values if positions is None else [values[0], positions, *values[1:]]


def assert_equal_numbers(ours: nn.Module, theirs: nn.Module, side: int = 224) -> None:
    names, values = list(ours.state_dict()), weights_of(theirs)
    ours.load_state_dict(dict(zip(names, values, strict=True)), assign=True)
    images = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected_BK, found_BK = theirs(images), ours.eval()(images)
    assert expected_BK.std() > 1e-3
    torch.testing.assert_close(found_BK, expected_BK, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", COMPARED)
def test_the_same_weights_give_torchvisions_numbers(name: str) -> None:
    with torch.device("meta"):
        theirs = models.get_model(name, weights=None, num_classes=10)
        ours = build_model(PEERS[name], IMAGES, num_classes=10)
    assert_equal_numbers(ours, drawn(theirs))


@pytest.mark.parametrize(("side", "patch"), [(224, 16), (32, 4), (8, 2)])
def test_a_small_vit_gives_the_numbers_of_torchvisions_class(
    side: int, patch: int
) -> None:
    sizes: dict[str, Any] = {"hidden_dim": 48, "mlp_dim": 192, "num_heads": 3}
    with torch.device("meta"):
        theirs = VisionTransformer(side, patch, num_layers=3, **sizes, num_classes=10)
        config = VitConfig(hidden=48, num_heads=3, depth=3)
        ours = build_model(config, (3, side, side), num_classes=10)
    assert_equal_numbers(ours, drawn(theirs), side)


def test_small_images_get_the_stem_that_torchvisions_resnet_is_given_by_hand() -> None:
    with torch.device("meta"):
        theirs = models.resnet18(num_classes=10)
        theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        theirs.maxpool = nn.Identity()
        ours = build_model(ResNetConfig(depth=18), (3, 32, 32), num_classes=10)
    assert_equal_numbers(ours, drawn(theirs), side=32)


def test_training_gives_torchvisions_gradients() -> None:
    theirs = drawn(models.mobilenet_v2(num_classes=10, dropout=0.0))
    ours = build_model(MobileNetV2Config(dropout=0.0), IMAGES, num_classes=10)
    ours.load_state_dict(
        dict(zip(ours.state_dict(), weights_of(theirs), strict=True)), strict=True
    )
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    for network in (ours, theirs):
        network.train()(images).square().mean().backward()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
