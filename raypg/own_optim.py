"""An optimizer of the user's own: `(params, lr, …)`, as torch's are.

    class Signed(torch.optim.Optimizer):
        def __init__(self, params, lr: float = 1e-3, momentum: float = 0.9): ...

`params` are the parameters to train. Its other parameters are keys under `optimizer.`;
`lr` is the peak rate, which the schedule changes before each step.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import nn

from raypg.own import OwnConfig, OwnFault, arguments_of, load_object
from raypg.own.fault import fault_of


def build_own_optimizer(
    config: OwnConfig, params: Sequence[nn.Parameter]
) -> torch.optim.Optimizer:
    """The optimizer that the user's code gives for these parameters."""
    target = load_object(config.name)
    optimizer = target(**arguments_of(target, config, {"params": list(params)}))
    if not isinstance(optimizer, torch.optim.Optimizer):
        found = type(optimizer).__name__
        raise TypeError(f"{config.name} gave {found}, no torch.optim.Optimizer")
    return optimizer


@lru_cache(maxsize=256)
def find_optimizer_fault(config: OwnConfig) -> OwnFault | None:
    """What keeps an optimizer from a step of a tiny network; None for nothing."""
    with torch.random.fork_rng(devices=[]):
        model = nn.Linear(2, 2)
        model(torch.ones(1, 2)).sum().backward()
        try:
            optimizer = build_own_optimizer(config, list(model.parameters()))
            optimizer.step()
            optimizer.load_state_dict(optimizer.state_dict())
        except Exception as cause:  # whatever the user's code raises
            return fault_of(cause, "must step, save its state and load it")
    if not all("lr" in group for group in optimizer.param_groups):
        rule = "must read its rate from param_groups, where the schedule sets it"
        fix = 'Give super().__init__ a default for "lr".'
        return OwnFault(rule, 'no "lr" there', fix)
    return None
