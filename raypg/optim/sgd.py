"""Stochastic gradient descent with momentum."""

from typing import Literal

import torch
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.optim.plain import Plain, param_groups, trained_params
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


class _Sgd(Plain, torch.optim.SGD):
    step = torch.no_grad()(torch.optim.SGD.step.__wrapped__)  # type: ignore[attr-defined]


def build_sgd(config: SgdConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's SGD, fused."""
    sgd = _Sgd(
        param_groups(trained_params(model), config.weight_decay, config.decay_norms),
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
