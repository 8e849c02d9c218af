"""DenseNet against the numbers and rules of its paper."""

import dataclasses

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from raypg.models import DenseNetConfig, build_model, count_flops, effective_depth
from raypg.models import num_parameters as count_parameters

CIFAR = (3, 32, 32)
BC = DenseNetConfig(bottleneck=True, compression=0.5, depth=100)


def meta_densenet(config: DenseNetConfig, num_classes: int = 10) -> nn.Module:
    with torch.device("meta"):
        return build_model(config, CIFAR, num_classes)


@pytest.mark.parametrize(
    ("config", "num_parameters"),
    [
        (DenseNetConfig(), 1_019_722),
        (BC, 769_162),
        (dataclasses.replace(BC, depth=190, growth_rate=40), 25_624_430),
    ],
    ids=["L=40 k=12", "BC-100-12", "BC-190-40"],
)
def test_the_papers_networks_have_its_parameters(
    config: DenseNetConfig, num_parameters: int
) -> None:
    assert count_parameters(meta_densenet(config)) == num_parameters


def test_the_papers_bc_network_costs_0_29_gflops() -> None:
    assert count_flops(meta_densenet(BC), CIFAR) == pytest.approx(0.29e9, rel=0.02)


@pytest.mark.parametrize(
    ("depth", "bottleneck", "nearest"),
    [
        (20, False, "3n.4 without bottlenecks .nearest: 19 and 22"),
        (80, False, "79 and 82"),
        (39, False, "37 and 40"),
        (41, True, "6n.4 with bottlenecks .nearest: 40 and 46"),
        (4, False, "7 and 10"),
        (7, True, "10 and 16"),
    ],
)
def test_an_impossible_depth_names_the_two_nearest(
    depth: int, bottleneck: bool, nearest: str
) -> None:
    with pytest.raises(ValidationError, match=nearest) as caught:
        DenseNetConfig(depth=depth, bottleneck=bottleneck)
    assert caught.value.errors()[0]["loc"] == ("depth",)


@pytest.mark.parametrize(("depth", "built"), [(20, 19), (40, 40), (60, 58), (80, 79)])
def test_round_depth_rounds_down_as_the_playground_did(depth: int, built: int) -> None:
    rounded = DenseNetConfig(depth=depth, round_depth=True)
    assert rounded.depth == depth
    assert effective_depth(rounded) == built
    assert count_parameters(meta_densenet(rounded)) == count_parameters(
        meta_densenet(DenseNetConfig(depth=built))
    )


def test_round_depth_does_not_round_to_nothing() -> None:
    with pytest.raises(ValidationError, match="nearest: 7 and 10"):
        DenseNetConfig(depth=6, round_depth=True)


def test_a_wrong_bottleneck_is_told_once_and_not_as_a_depth() -> None:
    with pytest.raises(ValidationError, match="valid boolean") as caught:
        DenseNetConfig(depth=40, bottleneck="yes")  # type: ignore[arg-type]
    assert caught.value.error_count() == 1


@pytest.mark.parametrize("depth", [22, 40, 100])
def test_the_depth_counts_the_layers_with_weights(depth: int) -> None:
    for bottleneck in (False, True):
        config = DenseNetConfig(depth=depth, bottleneck=bottleneck)
        modules = list(meta_densenet(config).modules())
        weighted = [m for m in modules if isinstance(m, nn.Conv2d | nn.Linear)]
        assert len(weighted) == depth


def test_dropout_acts_in_training_only_and_spares_the_first_convolution() -> None:
    torch.manual_seed(0)
    config = DenseNetConfig(depth=10, bottleneck=True, dropout=0.5)
    model = build_model(config, (1, 8, 8), 10)
    batch = torch.randn(2, 1, 8, 8)
    assert not torch.equal(model(batch), model(batch))
    assert sum(isinstance(m, nn.Conv2d) for m in model.modules()) - 1 == 8
    model.eval()
    assert torch.equal(model(batch), model(batch))


def test_convolutions_start_with_the_variance_of_he() -> None:
    torch.manual_seed(0)
    model = build_model(DenseNetConfig(growth_rate=48), CIFAR, 10)
    for conv in (m for m in model.modules() if isinstance(m, nn.Conv2d)):
        fan_out = conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1]
        assert conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.1)
