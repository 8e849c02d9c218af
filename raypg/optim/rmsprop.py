"""RMSprop (Tieleman & Hinton 2012)."""

from typing import Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.optim.plain import Plain, param_groups, trained_params
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class RmsPropConfig:
    """The `optimizer.*` names under `rmsprop`. Defaults: torch's."""

    name: Literal["rmsprop"] = "rmsprop"
    lr: float = Field(default=1e-2, gt=0, allow_inf_nan=False)
    """Peak."""
    alpha: float = Field(default=0.99, ge=0, lt=1)
    """Of the running mean of squared gradients."""
    eps: float = Field(default=1e-8, gt=0, allow_inf_nan=False)
    """Added to its root; MobileNets are trained with 1e-3."""
    momentum: float = Field(default=0.0, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Added to the gradient."""
    decay_norms: bool = False
    """Decay biases and norms too."""


class _RmsProp(Plain, torch.optim.RMSprop):
    step = torch.no_grad()(torch.optim.RMSprop.step.__wrapped__)  # type: ignore[attr-defined]


def build_rmsprop(config: RmsPropConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's RMSprop."""
    return _RmsProp(
        param_groups(trained_params(model), config.weight_decay, config.decay_norms),
        lr=config.lr,
        alpha=config.alpha,
        eps=config.eps,
        momentum=config.momentum,
    )
