"""Lion (Chen et al. 2023, arXiv:2302.06675), of the package lion-pytorch."""

from functools import cache
from typing import Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import nn

from raypg.optim.plain import Plain, param_groups, trained_params
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class LionConfig:
    """The `optimizer.*` names under `lion`. Defaults: the paper's."""

    name: Literal["lion"] = "lion"
    lr: float = Field(default=1e-4, gt=0, allow_inf_nan=False)
    """Peak; the paper takes a third to a tenth of AdamW's."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """How much of the momentum is in a step, beside its gradient."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Of the momentum."""
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Taken from the weights; the paper takes 3 to 10 times AdamW's."""
    decay_norms: bool = False
    """Decay biases and norms too."""


@cache
def _lion() -> type[torch.optim.Optimizer]:
    # Imported where it is used: most trials train without it.
    from lion_pytorch.foreach import Lion

    return type("_Lion", (Plain, Lion), {})


def build_lion(config: LionConfig, model: nn.Module) -> torch.optim.Optimizer:
    """lion-pytorch's Lion over lists of tensors."""
    groups = param_groups(
        trained_params(model), config.weight_decay, config.decay_norms
    )
    betas = (config.beta1, config.beta2)
    return _lion()(groups, lr=config.lr, betas=betas)  # type: ignore[call-arg]
