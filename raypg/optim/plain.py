"""torch's optimizers without their guards, and the groups of parameters they take."""

from collections.abc import Iterable

import torch
from torch import nn


class Plain:
    """An optimizer's methods without the guards that they have for `torch.compile`.

    The first call through a guard imports the compiler, 0.9 s of a core in every new
    worker, and each one costs a step of a small network 1 to 2 % (torch 2.15).
    """

    zero_grad = torch.optim.Optimizer.zero_grad.__wrapped__  # type: ignore[attr-defined]
    add_param_group = torch.optim.Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
    state_dict = torch.optim.Optimizer.state_dict.__wrapped__  # type: ignore[attr-defined]
    load_state_dict = torch.optim.Optimizer.load_state_dict.__wrapped__  # type: ignore[attr-defined]


def trained_params(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen."""
    return [p for p in model.parameters() if p.requires_grad]


def param_groups(
    params: Iterable[nn.Parameter], weight_decay: float, decay_norms: bool
) -> list[dict[str, object]]:
    """One group, or a second one without decay for whatever has one dimension."""
    params = list(params)
    if decay_norms:
        return [{"params": params, "weight_decay": weight_decay}]
    return [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]
