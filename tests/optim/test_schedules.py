"""Schedules against torch's schedulers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from raypg.optim import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    MultistepConfig,
    OneCycleConfig,
    PlateauConfig,
    PolynomialConfig,
    ScheduleConfig,
    StepConfig,
    lr_factor,
)

SCHEDULES: list[ScheduleConfig] = [
    MultistepConfig(),
    MultistepConfig(warmup=0.2),
    StepConfig(),
    ExponentialConfig(),
    PolynomialConfig(power=2.0),
    CosineConfig(warmup=0.1),
    OneCycleConfig(),
    PlateauConfig(warmup=0.1),
    ConstantConfig(),
]


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


def test_a_step_schedule_is_torchs() -> None:
    theirs = lr_scheduler.StepLR(unit_sgd(), 30, gamma=0.2)
    ours = factors(StepConfig(every=0.3, gamma=0.2), 100)
    assert ours == pytest.approx(torch_factors(theirs, 100))


@pytest.mark.parametrize("num_steps", [10, 30, 70, 990])
def test_an_even_cut_falls_on_its_step_despite_rounding(num_steps: int) -> None:
    ours = factors(StepConfig(every=0.1, gamma=0.5), num_steps)
    tenth = num_steps // 10
    assert [ours.index(0.5**k) for k in range(10)] == [k * tenth for k in range(10)]


def test_an_exponential_schedule_is_torchs() -> None:
    theirs = lr_scheduler.ExponentialLR(unit_sgd(), gamma=0.01 ** (1 / 100))
    ours = factors(ExponentialConfig(final=0.01), 100)
    assert ours == pytest.approx(torch_factors(theirs, 100))


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
def test_a_polynomial_schedule_is_torchs(power: float) -> None:
    theirs = lr_scheduler.PolynomialLR(unit_sgd(), total_iters=100, power=power)
    ours = factors(PolynomialConfig(power=power), 100)
    assert ours == pytest.approx(torch_factors(theirs, 100))


def test_a_polynomial_schedule_ends_where_it_is_told() -> None:
    ours = factors(PolynomialConfig(final=0.5, warmup=0.5), 1000)
    assert max(ours) == ours[500] == 1.0
    assert ours[-1] == pytest.approx(0.5, abs=2e-3)


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        (MultistepConfig(warmup=0.2), MultistepConfig()),
        (StepConfig(warmup=0.2), StepConfig()),
        (ExponentialConfig(warmup=0.2), ExponentialConfig()),
        (ConstantConfig(warmup=0.2), ConstantConfig()),
        (PlateauConfig(warmup=0.2), ConstantConfig()),
    ],
    ids=lambda config: config.name,
)
def test_a_rise_is_torchs_linear_one(
    config: ScheduleConfig, plain: ScheduleConfig
) -> None:
    theirs = lr_scheduler.LinearLR(unit_sgd(), start_factor=1 / 21, total_iters=20)
    rise = torch_factors(theirs, 100)
    after = factors(plain, 100)
    expected = [one * other for one, other in zip(rise, after, strict=True)]
    assert factors(config, 100) == pytest.approx(expected)
