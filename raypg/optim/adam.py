"""Adam (Kingma & Ba 2015), with decoupled decay as AdamW, with Nesterov's as NAdam."""

from typing import Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.optim.plain import Plain, param_groups, trained_params
from raypg.strict import STRICT


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


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class AdamConfig:
    """The `optimizer.*` names under `adam`. Defaults: torch's."""

    name: Literal["adam"] = "adam"
    lr: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    """Peak."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Added to the gradient; `adamw` takes it from the weights."""
    decay_norms: bool = False
    """Decay biases and norms too."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class NAdamConfig:
    """The `optimizer.*` names under `nadam` (Dozat 2016). Defaults: torch's."""

    name: Literal["nadam"] = "nadam"
    lr: float = Field(default=2e-3, gt=0, allow_inf_nan=False)
    """Peak."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    momentum_decay: float = Field(default=4e-3, ge=0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Taken from the weights, as `adamw` does."""
    decay_norms: bool = False
    """Decay biases and norms too."""


class AdamW(Plain, torch.optim.AdamW):
    """torch's, without its guards."""

    step = torch.no_grad()(torch.optim.AdamW.step.__wrapped__)  # type: ignore[attr-defined]


class _Adam(Plain, torch.optim.Adam):
    step = torch.no_grad()(torch.optim.Adam.step.__wrapped__)  # type: ignore[attr-defined]


class _NAdam(Plain, torch.optim.NAdam):
    step = torch.no_grad()(torch.optim.NAdam.step.__wrapped__)  # type: ignore[attr-defined]


def build_adamw(config: AdamWConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's AdamW, fused."""
    groups = param_groups(
        trained_params(model), config.weight_decay, config.decay_norms
    )
    return AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)


def build_adam(config: AdamConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's Adam, fused."""
    groups = param_groups(
        trained_params(model), config.weight_decay, config.decay_norms
    )
    return _Adam(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)


def build_nadam(config: NAdamConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's NAdam."""
    return _NAdam(
        param_groups(trained_params(model), config.weight_decay, config.decay_norms),
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        momentum_decay=config.momentum_decay,
        decoupled_weight_decay=True,
    )
