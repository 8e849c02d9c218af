"""ResNet against the numbers and rules of its paper."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from raypg.models import ResNetConfig, WideResNetConfig, build_model, count_flops
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
    with pytest.raises(ValidationError, match="nearest: 34 and 44") as caught:
        ResNetConfig(depth=40)
    assert caught.value.errors()[0]["loc"] == ("depth",)


@pytest.mark.parametrize("preactivation", [False, True])
@pytest.mark.parametrize("depth", [8, 14, 20, 110, 18, 34, 50, 152, 164])
def test_the_depth_counts_the_layers_with_weights(
    depth: int, preactivation: bool
) -> None:
    config = ResNetConfig(depth=depth, preactivation=preactivation)
    weighted = [
        path
        for path, module in meta_resnet(config).named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in path
    ]
    assert len(weighted) == depth


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


def test_a_preactivation_unit_adds_its_input_untouched() -> None:
    """With weights of zero the unit is the identity, as He et al. 2016b want it."""
    model = build_model(ResNetConfig(depth=8, preactivation=True), CIFAR, 10)
    unit = model.get_submodule("body.0")
    nn.init.zeros_(unit.get_parameter("convs.1.weight"))
    features = torch.randn(2, 16, 4, 4)
    assert torch.equal(unit(features), features)


def test_the_shortcut_of_a_changing_preactivation_unit_is_activated() -> None:
    model = build_model(ResNetConfig(depth=164, preactivation=True), CIFAR, 10)
    unit = model.get_submodule("body.0").eval()
    nn.init.zeros_(unit.get_parameter("convs.2.weight"))
    features = -torch.rand(2, 16, 4, 4)
    norm = unit.get_submodule("norms.0")
    assert norm(features).max() <= 0
    assert unit(features).count_nonzero() == 0


@pytest.mark.parametrize("depth", [30, 51, 2])
def test_an_unknown_depth_of_a_wide_resnet_names_the_two_nearest(depth: int) -> None:
    lower = max(10, depth - (depth - 4) % 6)
    with pytest.raises(ValidationError, match=f"nearest: {lower} and {lower + 6}"):
        WideResNetConfig(depth=depth)


def test_the_paper_s_wide_unit_has_its_dropout_between_the_convolutions() -> None:
    config = WideResNetConfig(depth=10, width=1.0, dropout=0.999)
    model = build_model(config, CIFAR, 10)
    unit = model.get_submodule("body.0")
    features = torch.randn(2, 16, 8, 8)
    torch.manual_seed(0)
    assert (unit(features) - features).count_nonzero() < features.numel() / 4
