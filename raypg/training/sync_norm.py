"""Batch norms that take their statistics over the shares of all workers.

On a GPU torch's `SyncBatchNorm`; on a CPU, where that does not run, the same by plain
collectives. So two workers learn what one learns from the same batches.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from raypg.training.world import World


def synchronise_norms(network: nn.Module, world: World) -> nn.Module:
    """The network, whose batch norms see the batches of all workers.

    Its weights and their names stay the same. One worker sees the whole batch anyway.
    """
    if world.num_workers == 1:
        return network
    if world.device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-any-return, no-untyped-call]
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.__class__ = SyncNorm
    return network


class SyncNorm(_BatchNorm):
    """A batch norm of any number of dimensions, over all workers, on a CPU.

    Shapes: values are B examples of C channels, and whatever dimensions follow.
    """

    def forward(self, values: Tensor) -> Tensor:
        """The normalised values, in their own type."""
        if not self.training:
            return super().forward(values)
        wide = values.float()
        dims = [dim for dim in range(wide.ndim) if dim != 1]
        shape = [-1 if dim == 1 else 1 for dim in range(wide.ndim)]
        count = _sum(torch.tensor(float(wide.numel() // wide.shape[1])))
        mean_C = _sum(wide.sum(dims)) / count
        centred = wide - mean_C.view(shape)
        var_C = _sum((centred * centred).sum(dims)) / count
        self._track(mean_C, var_C * (count / (count - 1)))
        scale_C = (var_C + self.eps).rsqrt()
        if self.weight is not None:
            scale_C = scale_C * self.weight
        normalised = centred * scale_C.view(shape)
        if self.bias is not None:
            normalised = normalised + self.bias.view(shape)
        return normalised.to(values.dtype)

    @torch.no_grad()
    def _track(self, mean_C: Tensor, unbiased_C: Tensor) -> None:
        # None: this batch was seen before, and is only computed again.
        if self.num_batches_tracked is None:
            return
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:  # the mean over all batches
            momentum = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean_C, momentum)
        self.running_var.lerp_(unbiased_C, momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take any number of dimensions."""


def _sum(values: Tensor) -> Tensor:
    return _SumOverWorkers.apply(values)  # type: ignore[no-any-return]


class _SumOverWorkers(torch.autograd.Function):
    """The sum of every worker's values, which all of them get; so do gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ANN401
        total = grad.clone()
        dist.all_reduce(total)
        return total
