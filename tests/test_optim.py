"""Optimizers against torch's own, schedules against torch's schedulers."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.optim import lr_scheduler

from raypg.models import DenseNetConfig, build_model
from raypg.optim import (
    AdamWConfig,
    ConstantConfig,
    CosineConfig,
    MultistepConfig,
    OneCycleConfig,
    OptimizerConfig,
    ScheduleConfig,
    SgdConfig,
    build_optimizer,
    lr_factor,
)

SCHEDULES: list[ScheduleConfig] = [
    MultistepConfig(),
    CosineConfig(warmup=0.1),
    OneCycleConfig(),
    ConstantConfig(),
]
OPTIMIZERS: list[OptimizerConfig] = [SgdConfig(), AdamWConfig()]


def small_net() -> nn.Module:
    torch.manual_seed(0)
    return build_model(DenseNetConfig(depth=7), (1, 8, 8), 10)


def train_steps(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    losses = []
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(images), torch.arange(8))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


def factors(config: ScheduleConfig, num_steps: int) -> list[float]:
    return [lr_factor(config, step, num_steps) for step in range(num_steps)]


def torch_factors(scheduler: lr_scheduler.LRScheduler, num_steps: int) -> list[float]:
    values = [float(scheduler.get_last_lr()[0])]
    for _ in range(num_steps - 1):
        scheduler.optimizer.step()
        scheduler.step()
        values.append(float(scheduler.get_last_lr()[0]))
    return values


def unit_sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1)], lr=1.0)


def test_multistep_is_torchs() -> None:
    theirs = lr_scheduler.MultiStepLR(unit_sgd(), [50, 75], gamma=0.1)
    ours = factors(MultistepConfig(), 100)
    assert ours == pytest.approx(torch_factors(theirs, 100))


@pytest.mark.parametrize("num_steps", [10, 30, 70, 990])
def test_a_milestone_falls_on_its_step_despite_rounding(num_steps: int) -> None:
    config = MultistepConfig(milestones=(0.1, 0.7), gamma=0.5)
    ours = factors(config, num_steps)
    assert ours.index(0.5) == num_steps // 10
    assert ours.index(0.25) == num_steps * 7 // 10


def test_cosine_is_torchs() -> None:
    theirs = lr_scheduler.CosineAnnealingLR(unit_sgd(), 100, eta_min=0.02)
    ours = factors(CosineConfig(final=0.02), 100)
    assert ours == pytest.approx(torch_factors(theirs, 100))


def test_cosine_rises_evenly_before_it_falls() -> None:
    ours = factors(CosineConfig(warmup=0.2), 20)
    assert ours[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert ours[4:] == pytest.approx(factors(CosineConfig(), 16))


@pytest.mark.parametrize("num_steps", [10, 37, 1000])
def test_one_cycle_is_torchs(num_steps: int) -> None:
    theirs = lr_scheduler.OneCycleLR(
        unit_sgd(), 1.0, num_steps, pct_start=0.3, final_div_factor=400
    )
    ours = factors(OneCycleConfig(), num_steps)
    assert ours == pytest.approx(torch_factors(theirs, num_steps))


@given(st.sampled_from(SCHEDULES), st.integers(1, 300), st.data())
def test_a_factor_is_a_share_of_the_peak(
    config: ScheduleConfig, num_steps: int, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, num_steps - 1))
    assert 0 <= lr_factor(config, step, num_steps) <= 1


@pytest.mark.parametrize("config", OPTIMIZERS, ids=lambda config: config.name)
def test_norms_and_biases_escape_decay_only_when_asked(
    config: SgdConfig | AdamWConfig,
) -> None:
    everything = dataclasses.replace(config, decay_norms=True, weight_decay=0.5)
    (group,) = build_optimizer(everything, small_net()).param_groups
    assert group["weight_decay"] == 0.5
    spared = dataclasses.replace(config, decay_norms=False, weight_decay=0.5)
    matrices, vectors = build_optimizer(spared, small_net()).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.5, 0.0)
    assert {p.ndim for p in matrices["params"]} == {2, 4}
    assert {p.ndim for p in vectors["params"]} == {1}
    both = len(matrices["params"]) + len(vectors["params"])
    assert both == len(group["params"])


def test_sgd_is_torchs() -> None:
    config = SgdConfig(lr=0.2, momentum=0.8, weight_decay=0.01)
    model, twin = small_net(), small_net()
    theirs = torch.optim.SGD(
        twin.parameters(), 0.2, momentum=0.8, weight_decay=0.01, nesterov=True
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


def test_adamw_is_torchs() -> None:
    config = AdamWConfig(lr=0.01, beta1=0.8, beta2=0.9, weight_decay=0.1)
    config = dataclasses.replace(config, decay_norms=True)
    model, twin = small_net(), small_net()
    theirs = torch.optim.AdamW(
        twin.parameters(), 0.01, betas=(0.8, 0.9), weight_decay=0.1
    )
    ours = train_steps(model, build_optimizer(config, model))
    assert ours == pytest.approx(train_steps(twin, theirs), rel=1e-5)


@pytest.mark.parametrize("config", OPTIMIZERS, ids=lambda config: config.name)
def test_the_same_steps_give_the_same_bits(config: OptimizerConfig) -> None:
    model, twin = small_net(), small_net()
    first = train_steps(model, build_optimizer(config, model))
    assert first == train_steps(twin, build_optimizer(config, twin))
    ends = zip(model.parameters(), twin.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in ends)


@pytest.mark.parametrize("config", OPTIMIZERS, ids=lambda config: config.name)
def test_frozen_parameters_stay_out(config: OptimizerConfig) -> None:
    model = small_net()
    model.get_submodule("stem").requires_grad_(False)
    groups = build_optimizer(config, model).param_groups
    held = {id(p) for group in groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}


def test_nesterov_needs_momentum() -> None:
    with pytest.raises(ValidationError, match="false when momentum is 0") as caught:
        SgdConfig(momentum=0.0)
    assert caught.value.errors()[0]["loc"] == ("nesterov",)
    assert SgdConfig(momentum=0.0, nesterov=False).momentum == 0
