"""Activations that are computed again in backward instead of kept (Chen et al. 2016).

Numbers stay the same, bit for bit: dropout draws the same again, and the running
statistics of batch norms take in a batch once. A DenseNet joins its features anew for
each layer (Pleiss et al. 2017, arXiv:1707.06990), so that its memory grows with its
depth and no longer with the square of it; it does so itself.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_T = TypeVar("_T")


def recomputed(
    network: nn.Module, function: Callable[..., _T], *arguments: object
) -> _T:
    """What a function gives, of which backward keeps the arguments alone.

    Args:
        network: the part of a network whose norms the function uses.
        function: is called once more in backward.
        arguments: of the function; all tensors that it needs beside parameters.
    """
    from torch.utils.checkpoint import checkpoint

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _still(network)

    found: _T = checkpoint(
        function, *arguments, use_reentrant=False, context_fn=contexts
    )
    return found


@contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """Batch norms take in no batch: it is one that they have seen.

    Not without running statistics, as torch keeps them for backward where there are
    any, and compares what is kept both times.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, num_batches) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, num_batches


class _Recomputed(nn.Sequential):
    """Keeps what goes into each part of itself, and computes the rest again."""

    def forward(self, features: Tensor) -> Tensor:
        """What a plain `Sequential` gives."""
        if not torch.is_grad_enabled():
            return super().forward(features)  # type: ignore[no-untyped-call, no-any-return]
        for part in self._parts():
            features = recomputed(part, part, features)
        return features

    def _parts(self) -> Iterator[nn.Module]:
        """Its members, each a part of a network; of plain layers, the root of them.

        None begins with what changes its input, which is to be used again.
        """
        is_plain = not any(list(member.children()) for member in self)
        size = math.isqrt(len(self)) if is_plain else 1
        part: list[nn.Module] = []
        for member in self:
            if len(part) >= size and not getattr(member, "inplace", False):
                yield nn.Sequential(*part)
                part = []
            part.append(member)
        yield nn.Sequential(*part)


def recompute_activations(network: nn.Module) -> nn.Module | None:
    """The network, or one with its weights and names, that keeps few activations.

    Returns:
        None where it has nothing that follows one another as parts of a network do.
    """
    if hasattr(network, "recomputes"):
        setattr(network, "recomputes", True)  # noqa: B010 mypy takes it for a module
        return network
    if isinstance(network, nn.Sequential):
        return _Recomputed(OrderedDict(network.named_children()))
    found = False
    for name, child in network.named_children():
        if list(child.children()) and (changed := recompute_activations(child)):
            setattr(network, name, changed)
            found = True
    return network if found else None
