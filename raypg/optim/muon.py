"""Muon (Jordan et al. 2024) for what is a matrix inside a network, AdamW for the rest.

Matrices are the weights of linear layers and the filters of convolutions, each filter
flattened to a row as in Jordan's airbench. AdamW has what Muon is not meant for: the
last matrix of the network, which is its classifier, biases, norms, tokens, positions.
Steps are scaled as in "Muon is scalable" (Liu et al. 2025, arXiv:2502.16982), so that
one rate and one weight decay serve both.
"""

from collections.abc import MutableMapping
from typing import Any, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.optim.adam import AdamW
from raypg.optim.plain import Plain, param_groups, trained_params
from raypg.strict import STRICT


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class MuonConfig:
    """The `optimizer.*` names under `muon`. Defaults: torch's."""

    name: Literal["muon"] = "muon"
    lr: float = Field(default=1e-3, gt=0, allow_inf_nan=False)
    """Peak; as large as AdamW's would be."""
    momentum: float = Field(default=0.95, ge=0, lt=1)
    """Of Muon."""
    nesterov: bool = True
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Of AdamW."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Of AdamW."""
    weight_decay: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    decay_norms: bool = False
    """Decay biases and norms too."""


class _MatrixMuon(Plain, torch.optim.Muon):
    """torch's, which takes matrices alone, over filters of any shape, too."""

    def __init__(self, params: list[nn.Parameter], **settings: Any) -> None:  # noqa: ANN401
        super().__init__([{"params": []}], **settings)
        self.param_groups[0]["params"] = params

    def _init_group(
        self,
        group: MutableMapping[str, Any],
        params_with_grad: list[Tensor],
        grads: list[Tensor],
        muon_momentum_bufs: list[Tensor],
    ) -> bool:
        """torch's, of rows instead of filters."""
        for param in group["params"]:
            if param.grad is not None:
                grad = _as_rows(param.grad, like=param)
                state = self.state[param]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(grad)
                params_with_grad.append(_as_rows(param.detach(), like=param))
                grads.append(grad)
                muon_momentum_bufs.append(state["momentum_buffer"])
        return False


def _as_rows(values: Tensor, *, like: Tensor) -> Tensor:
    """A row for each filter: a view of a parameter, whatever its memory format.

    The order within rows is that of the memory; Muon's step does not depend on it.
    """
    if like.ndim == 4 and not like.is_contiguous():  # channels last
        values = values.permute(0, 2, 3, 1)
    return values.reshape(len(values), -1)


class _Muon(Plain, torch.optim.Optimizer):
    """Two optimizers that look like one: to a schedule, a scaler and a checkpoint."""

    def __init__(self, muon: _MatrixMuon, adamw: AdamW) -> None:
        self.parts = (muon, adamw)
        """Each with as many of the groups as it came with, in this order."""
        groups = [group for part in self.parts for group in part.param_groups]
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """A step of each; groups and states are those of the whole, loaded or not."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.state = self.state
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.step()


def build_muon(config: MuonConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Torch's Muon and AdamW as one optimizer."""
    params = trained_params(model)
    matrices = [p for p in params if p.ndim == 2]
    inner = {id(p) for p in params if p.ndim > 3} | {id(p) for p in matrices[:-1]}
    rest = [p for p in params if id(p) not in inner]
    muon = _MatrixMuon(
        [p for p in params if id(p) in inner],
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    groups = param_groups(rest, config.weight_decay, config.decay_norms)
    betas = (config.beta1, config.beta2)
    return _Muon(muon, AdamW(groups, lr=config.lr, betas=betas, fused=True))
