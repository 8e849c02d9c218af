"""ResNet against the numbers and rules of its paper."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from raypg.models import ResNetConfig, build_model, count_flops
from raypg.models import num_parameters as count_parameters

CIFAR = (3, 32, 32)


def meta_resnet(config: ResNetConfig) -> nn.Module:
    with torch.device("meta"):
        return build_model(config, CIFAR, num_classes=10)


@pytest.mark.parametrize(
    ("depth", "num_parameters"),
    [(18, 11_173_962), (20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018)],
)
def test_depths_have_their_known_parameters(depth: int, num_parameters: int) -> None:
    assert count_parameters(meta_resnet(ResNetConfig(depth=depth))) == num_parameters


def test_resnet_20_costs_41_million_multiply_adds() -> None:
    flops = count_flops(meta_resnet(ResNetConfig()), CIFAR)
    assert flops == pytest.approx(41e6, rel=0.02)


def test_an_unknown_depth_names_the_two_nearest() -> None:
    with pytest.raises(ValidationError, match="nearest: 44 and 56") as caught:
        ResNetConfig(depth=50)
    assert caught.value.errors()[0]["loc"] == ("depth",)


@pytest.mark.parametrize("depth", [8, 14, 20, 110])
def test_the_depth_counts_the_layers_with_weights(depth: int) -> None:
    modules = list(meta_resnet(ResNetConfig(depth=depth)).modules())
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in modules) == depth


def test_width_multiplies_the_channels() -> None:
    wide = meta_resnet(ResNetConfig(depth=8, width=2.0))
    convs = [m for m in wide.modules() if isinstance(m, nn.Conv2d)]
    assert sorted({conv.out_channels for conv in convs}) == [32, 64, 128]


def test_the_free_shortcut_subsamples_and_pads_with_zeros() -> None:
    model = build_model(ResNetConfig(depth=8), CIFAR, 10)
    shortcut = model.get_submodule("body.1.shortcut")
    features = torch.arange(16.0 * 4 * 4).view(1, 16, 4, 4) + 1
    output = shortcut(features)
    assert torch.equal(output[:, 8:24], features[:, :, ::2, ::2])
    assert output[:, :8].count_nonzero() == output[:, 24:].count_nonzero() == 0
