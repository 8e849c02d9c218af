"""An optimizer of one's own: signed momentum, with two keys beside its rate.

python -m raypg.train optimizer.name=examples/own/signed.py:Signed optimizer.lr=0.003
"""

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn


class Signed(torch.optim.Optimizer):
    """Each weight moves by the rate, in the direction of its averaged gradient."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: Annotated[float, Field(gt=0)] = 0.003,
        momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
        weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ANN401
        """One step; what it remembers lies in `state`, and so in checkpoints."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - group["momentum"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(mean.sign(), alpha=group["lr"])
