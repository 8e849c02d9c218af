"""Optimizers and learning-rate schedules: their configs, and what they build.

A newcomer takes three lines here: an import, its config in `OptimizerConfig`, its
builder in `OPTIMIZERS`.
"""

from collections.abc import Callable
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from raypg.optim.adam import (
    AdamConfig,
    AdamWConfig,
    NAdamConfig,
    build_adam,
    build_adamw,
    build_nadam,
)
from raypg.optim.lion import LionConfig, build_lion
from raypg.optim.muon import MuonConfig, build_muon
from raypg.optim.rates import lr_factor, plateau_factor
from raypg.optim.rmsprop import RmsPropConfig, build_rmsprop
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
from raypg.own import OwnOptimizerConfig
from raypg.own_optim import build_own_optimizer

OptimizerConfig = (
    Annotated[
        SgdConfig
        | AdamConfig
        | AdamWConfig
        | LionConfig
        | MuonConfig
        | NAdamConfig
        | RmsPropConfig,
        Field(discriminator="name"),
    ]
    | OwnOptimizerConfig
)

OPTIMIZERS: dict[str, Callable[[Any, nn.Module], torch.optim.Optimizer]] = {
    "sgd": build_sgd,
    "adam": build_adam,
    "adamw": build_adamw,
    "lion": build_lion,
    "muon": build_muon,
    "nadam": build_nadam,
    "rmsprop": build_rmsprop,
}


def build_optimizer(config: OptimizerConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer that `config.name` stands for, over the model's parameters.

    With `decay_norms` off there are two parameter groups, of which the second (biases,
    scales and shifts of norms: whatever has one dimension) has no weight decay. Muon
    has one more, before them.
    """
    if isinstance(config, OwnOptimizerConfig):
        params = [p for p in model.parameters() if p.requires_grad]
        return build_own_optimizer(config, params)
    return OPTIMIZERS[config.name](config, model)
