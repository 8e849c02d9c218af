"""Branches that are left out: torchvision's draws, and the paper's rates."""

from typing import Any

import pytest
import torch
from torchvision.ops import stochastic_depth

from raypg.models import ModelConfig, build_model
from raypg.models.residual import BasicUnit, BottleneckUnit
from raypg.models.resnet import ResNetConfig
from raypg.models.stochastic_depth import drop_branch, spread_rates
from raypg.models.vit import VitConfig
from raypg.models.wide_resnet import WideResNetConfig

UNITS: list[tuple[ModelConfig, str, int]] = [
    (ResNetConfig(depth=20, width=0.25, stochastic_depth=0.5), "body", 9),
    (ResNetConfig(depth=50, width=0.1, stochastic_depth=0.5), "body", 16),
    (ResNetConfig(depth=14, preactivation=True, stochastic_depth=0.5), "body", 6),
    (WideResNetConfig(depth=16, width=0.5, stochastic_depth=0.5), "body", 6),
    (WideResNetConfig(depth=50, width=0.1, stochastic_depth=0.5), "body", 16),
    (VitConfig(hidden=12, depth=4, stochastic_depth=0.5), "blocks", 4),
]
each_network = pytest.mark.parametrize(
    ("config", "home", "num_units"), UNITS, ids=lambda one: getattr(one, "name", None)
)


@pytest.mark.parametrize("shape", [(64, 3, 5, 5), (64, 7, 3)])
@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_draws_are_torchvisions(shape: tuple[int, ...], rate: float) -> None:
    values = torch.randn(shape)
    torch.manual_seed(1)
    ours = drop_branch(values, rate, is_training=True)
    torch.manual_seed(1)
    assert torch.equal(ours, stochastic_depth(values, rate, "row"))
    assert torch.equal(drop_branch(values, rate, is_training=False), values)


def test_a_rate_of_zero_draws_nothing() -> None:
    before = torch.get_rng_state()
    values = torch.randn(2, 1)
    torch.set_rng_state(before)
    assert drop_branch(values, 0.0, is_training=True) is values
    assert torch.equal(torch.get_rng_state(), before)


@each_network
def test_rates_rise_evenly_to_that_of_the_last_unit(
    config: ModelConfig, home: str, num_units: int
) -> None:
    units = list(build_model(config, (3, 32, 32), 10).get_submodule(home).children())
    rates = [unit.drop_rate for unit in units]
    expected = [0.5 * place / num_units for place in range(1, num_units + 1)]
    assert rates == pytest.approx(expected)


@each_network
def test_an_example_that_skips_a_unit_is_as_without_it(
    config: Any,  # noqa: ANN401
    home: str,
    num_units: int,
) -> None:
    network = build_model(config, (3, 32, 32), 10).train()
    last = list(network.get_submodule(home).children())[-1]
    spread_rates([last], 1 - 1e-7)
    seen: list[torch.Tensor] = []
    last.register_forward_hook(lambda _, given, output: seen.extend([*given, output]))
    network(torch.randn(2, 3, 32, 32))
    before, after = seen
    # After their addition, units without pre-activation have a ReLU.
    has_relu = isinstance(last, BasicUnit | BottleneckUnit)
    assert torch.equal(after, before.relu() if has_relu else before)


@each_network
def test_evaluation_is_that_of_a_network_without_it(
    config: Any,  # noqa: ANN401
    home: str,
    num_units: int,
) -> None:
    torch.manual_seed(0)
    network = build_model(config, (3, 32, 32), 10).eval()
    fields = {f: getattr(config, f) for f in config.__dataclass_fields__}
    plain = build_model(
        type(config)(**{**fields, "stochastic_depth": 0.0}), (3, 32, 32), 10
    )
    plain.load_state_dict(network.state_dict())
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(network(images), plain.eval()(images))
