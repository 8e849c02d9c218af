"""Optimizers and learning-rate schedules: their configs, and what they build."""

import math
from typing import Annotated, Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.own import OwnOptimizerConfig
from raypg.own_optim import build_own_optimizer
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class SgdConfig:
    """The `optimizer.*` names under `sgd`. Defaults: Huang et al. 2017 on CIFAR."""

    name: Literal["sgd"] = "sgd"
    lr: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    """Peak; stated for train.batch_size=64, never rescaled silently."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    """Needs momentum."""
    weight_decay: float = Field(default=1e-4, ge=0, allow_inf_nan=False)
    decay_norms: bool = True
    """Decay biases and norms too, as the paper did."""

    @field_validator("nesterov")
    @classmethod
    def _check_nesterov(cls, nesterov: bool, info: ValidationInfo) -> bool:
        if nesterov and info.data.get("momentum") == 0:
            raise ValueError("must be false when momentum is 0")
        return nesterov


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class AdamWConfig:
    """The `optimizer.*` names under `adamw`. Defaults: torch's."""

    name: Literal["adamw"] = "adamw"
    lr: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    """Peak."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    decay_norms: bool = False
    """Decay biases and norms too."""


OptimizerConfig = (
    Annotated[SgdConfig | AdamWConfig, Field(discriminator="name")] | OwnOptimizerConfig
)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MultistepConfig:
    """The `schedule.*` names under `multistep`. Defaults: Huang et al. 2017."""

    name: Literal["multistep"] = "multistep"
    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.75)
    """Fractions of the training at which the rate is multiplied by `gamma`."""
    gamma: float = Field(default=0.1, gt=0, le=1)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class CosineConfig:
    """The `schedule.*` names under `cosine`: half a cosine, after a linear rise."""

    name: Literal["cosine"] = "cosine"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Fraction of the training in which the rate rises from nearly 0."""
    final: float = Field(default=0.0, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class OneCycleConfig:
    """The `schedule.*` names under `one_cycle`: Smith & Topin 2018, with cosines."""

    name: Literal["one_cycle"] = "one_cycle"
    warmup: float = Field(default=0.3, gt=0, lt=1)
    """Fraction of the training in which the rate rises."""
    initial: float = Field(default=0.04, ge=0, le=1)
    """Where the rate starts, as a fraction of its peak."""
    final: float = Field(default=1e-4, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ConstantConfig:
    """The `schedule.*` names under `constant`: the rate stays at its peak."""

    name: Literal["constant"] = "constant"


ScheduleConfig = Annotated[
    MultistepConfig | CosineConfig | OneCycleConfig | ConstantConfig,
    Field(discriminator="name"),
]


def build_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer that `config.name` stands for, over the model's parameters.

    With `decay_norms` off there are two parameter groups, of which the second (biases,
    scales and shifts of norms: whatever has one dimension) has no weight decay.
    """
    if isinstance(config, OwnOptimizerConfig):
        params = [p for p in model.parameters() if p.requires_grad]
        return build_own_optimizer(config, params)
    groups = _param_groups(model, config.weight_decay, config.decay_norms)
    if isinstance(config, SgdConfig):
        sgd = _Sgd(
            groups,
            lr=config.lr,
            momentum=config.momentum,
            nesterov=config.nesterov,
            fused=True,
        )
        # torch's fused SGD, told by the scaler of an overflow, changes its momentum all
        # the same: on the first step from memory that nothing was written to (torch
        # 2.15). Without this mark the scaler skips the step itself.
        sgd._step_supports_amp_scaling = False
        return sgd
    betas = (config.beta1, config.beta2)
    return _AdamW(groups, lr=config.lr, betas=betas, fused=True)


class _Plain:
    """An optimizer's methods without the guards that they have for `torch.compile`.

    The first call through a guard imports the compiler, 0.9 s of a core in every new
    worker, and each one costs a step of a small network 1 to 2 % (torch 2.15).
    """

    zero_grad = torch.optim.Optimizer.zero_grad.__wrapped__  # type: ignore[attr-defined]
    add_param_group = torch.optim.Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
    state_dict = torch.optim.Optimizer.state_dict.__wrapped__  # type: ignore[attr-defined]
    load_state_dict = torch.optim.Optimizer.load_state_dict.__wrapped__  # type: ignore[attr-defined]


class _Sgd(_Plain, torch.optim.SGD):
    step = torch.no_grad()(torch.optim.SGD.step.__wrapped__)  # type: ignore[attr-defined]


class _AdamW(_Plain, torch.optim.AdamW):
    step = torch.no_grad()(torch.optim.AdamW.step.__wrapped__)  # type: ignore[attr-defined]


def _param_groups(
    model: nn.Module, weight_decay: float, decay_norms: bool
) -> list[dict[str, object]]:
    params = [p for p in model.parameters() if p.requires_grad]
    if decay_norms:
        return [{"params": params, "weight_decay": weight_decay}]
    return [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]


def lr_factor(config: ScheduleConfig, step: int, num_steps: int) -> float:
    """What the peak learning rate is multiplied by at one step of the training.

    Args:
        config: the schedule.
        step: steps done so far over all epochs, in [0, num_steps).
        num_steps: steps of the whole training.
    """
    match config:
        case MultistepConfig():
            # Not step >= m * num_steps: 0.7 * 10 is above 7, 7 / 10 is exactly 0.7.
            passed = sum(step / num_steps >= m for m in config.milestones)
            return float(config.gamma**passed)
        case CosineConfig():
            rise = config.warmup * num_steps
            if step < rise:
                return (step + 1) / (rise + 1)
            return _cosine(1.0, config.final, (step - rise) / (num_steps - rise))
        case OneCycleConfig():
            # As torch.optim.lr_scheduler.OneCycleLR: the last step has the final rate.
            peak = config.warmup * num_steps - 1
            if step < peak:
                return _cosine(config.initial, 1.0, step / peak)
            fall = max(num_steps - 1 - peak, 1.0)
            return _cosine(1.0, config.final, (step - max(peak, 0.0)) / fall)
        case ConstantConfig():
            return 1.0


def _cosine(start: float, end: float, progress: float) -> float:
    """From start (progress 0) to end (progress 1) along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
