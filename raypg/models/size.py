"""What a network costs, told without running it: parameters, multiply-adds."""

import copy
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

ImageShape = tuple[int, int, int]
"""Channels, height, width of one image."""


def num_parameters(model: nn.Module) -> int:
    """Trainable parameters; a shared one counts once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def count_flops(model: nn.Module, image_shape: ImageShape) -> int:
    """Multiply-adds of the forward pass of one image, as the papers count FLOPs.

    Runs on a twin on the meta device: no arithmetic, and the model stays as it is.
    Convolutions and matrix products count; norms and activations do not.
    """
    twin = copy.deepcopy(model).to("meta").eval()
    counter = _Counter()
    with torch.no_grad(), counter:
        twin(torch.empty(1, *image_shape, device="meta"))
    return counter.num_flops // 2  # torch counts two a multiply-add


class _Counter(TorchDispatchMode):
    """Adds up torch's own formulas, as its `FlopCounterMode` does for every module.

    That one imports torch._dynamo, which takes longer than all the counting.
    """

    num_flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 an operator, of any signature
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.num_flops += formula(*args, **(kwargs or {}), out_val=out)
        return out
