"""What the peak learning rate is multiplied by, at a step and after an epoch."""

import math
from collections.abc import Sequence

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from raypg.optim.schedules import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    MultistepConfig,
    OneCycleConfig,
    PlateauConfig,
    PolynomialConfig,
    ScheduleConfig,
    StepConfig,
)
from raypg.optim.sgd import SgdConfig, build_sgd

_ROUNDING = 1e-9
"""By which a whole number of cuts may fall short: 0.1 is no binary fraction."""


def lr_factor(config: ScheduleConfig, step: int, num_steps: int) -> float:
    """What the peak learning rate is multiplied by at one step of the training.

    Of a plateau, whose cuts follow from what was measured, only the rise.

    Args:
        config: the schedule.
        step: steps done so far over all epochs, in [0, num_steps).
        num_steps: steps of the whole training.
    """
    rise = config.warmup * num_steps
    match config:
        case MultistepConfig():
            # Not step >= m * num_steps: 0.7 * 10 is above 7, 7 / 10 is exactly 0.7.
            passed = sum(step / num_steps >= m for m in config.milestones)
            return float(config.gamma**passed) * _risen(step, rise)
        case StepConfig():
            passed = math.floor(step / (config.every * num_steps) + _ROUNDING)
            return float(config.gamma**passed) * _risen(step, rise)
        case ExponentialConfig():
            return float(config.final ** (step / num_steps)) * _risen(step, rise)
        case CosineConfig() | PolynomialConfig():
            if step < rise:
                return _risen(step, rise)
            progress = (step - rise) / (num_steps - rise)
            if isinstance(config, CosineConfig):
                return _cosine(1.0, config.final, progress)
            left = (1 - progress) ** config.power
            return float(config.final + (1 - config.final) * left)
        case OneCycleConfig():
            # As torch.optim.lr_scheduler.OneCycleLR: the last step has the final rate.
            peak = rise - 1
            if step < peak:
                return _cosine(config.initial, 1.0, step / peak)
            fall = max(num_steps - 1 - peak, 1.0)
            return _cosine(1.0, config.final, (step - max(peak, 0.0)) / fall)
        case PlateauConfig() | ConstantConfig():
            return _risen(step, rise)


def plateau_factor(
    config: PlateauConfig, values: Sequence[float], *, is_loss: bool
) -> float:
    """What a plateau's cuts have left of the rate after some epochs.

    Found anew from all that was measured, by torch's own scheduler, so that a
    checkpoint needs no state of it.

    Args:
        config: the schedule.
        values: the metric of each epoch so far.
        is_loss: less is better.
    """
    optimizer = build_sgd(SgdConfig(lr=1.0), torch.nn.ParameterList([torch.zeros(1)]))
    scheduler = ReduceLROnPlateau(
        optimizer,
        mode="min" if is_loss else "max",
        factor=config.gamma,
        patience=config.patience,
        threshold=config.threshold,
        cooldown=config.cooldown,
        min_lr=config.final,
    )
    for value in values:
        scheduler.step(value)
    return float(optimizer.param_groups[0]["lr"])


def _risen(step: int, rise: float) -> float:
    """How far a rate has risen from nearly 0, over `rise` steps."""
    return min(1.0, (step + 1) / (rise + 1))


def _cosine(start: float, end: float, progress: float) -> float:
    """From start (progress 0) to end (progress 1) along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
