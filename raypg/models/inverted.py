"""Inverted residuals: what the MobileNets are stacked of (Sandler et al. 2018).

Shapes: B images, C channels, H by W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


def round_channels(channels: float) -> int:
    """The nearest multiple of 8, and never below nine tenths of what is asked for."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


@dataclass(frozen=True, kw_only=True)
class Style:
    """What convolutions of one network share.

    Attributes:
        build_norm: makes a norm of its channels.
        build_activation: makes what follows it.
    """

    build_norm: Callable[[int], nn.Module]
    build_activation: Callable[[], nn.Module]

    def conv(
        self, inner: int, outer: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> nn.Sequential:
        """Convolution, norm, activation."""
        conv = self._bare(inner, outer, kernel, stride, groups)
        return nn.Sequential(conv, self.build_norm(outer), self.build_activation())

    def linear_conv(self, inner: int, outer: int) -> nn.Sequential:
        """A 1x1 convolution and its norm."""
        return nn.Sequential(self._bare(inner, outer, 1, 1, 1), self.build_norm(outer))

    @staticmethod
    def _bare(
        inner: int, outer: int, kernel: int, stride: int, groups: int
    ) -> nn.Conv2d:
        padding = kernel // 2
        return nn.Conv2d(
            inner, outer, kernel, stride, padding, groups=groups, bias=False
        )


class SqueezeExcitation(nn.Module):
    """Weighs channels by what all pixels say (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = round_channels(channels // 4)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, channels, 1)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """The features, weighed."""
        means = features_BCHW.mean((2, 3), keepdim=True)
        weights = self.excite(F.relu(self.squeeze(means), inplace=True))
        return features_BCHW * F.hardsigmoid(weights)


class InvertedResidual(nn.Module):
    """Widened by 1x1, filtered a channel at a time, narrowed by 1x1.

    Args:
        inner: channels before it.
        wide: channels in between; the widening is left out where they are as many.
        outer: channels after it.
        kernel: of the filters.
        stride: of the filters; a stride of 1 that keeps the channels has a shortcut.
        style: its norms and activations.
        squeeze: whether channels are weighed before they are narrowed.
    """

    def __init__(
        self,
        inner: int,
        wide: int,
        outer: int,
        *,
        kernel: int,
        stride: int,
        style: Style,
        squeeze: bool = False,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        if wide != inner:
            parts.append(style.conv(inner, wide, 1))
        parts.append(style.conv(wide, wide, kernel, stride, groups=wide))
        if squeeze:
            parts.append(SqueezeExcitation(wide))
        self.body = nn.Sequential(*parts, style.linear_conv(wide, outer))
        self.has_shortcut = stride == 1 and inner == outer

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features of the next one."""
        fresh = self.body(features_BCHW)
        if self.has_shortcut:
            return features_BCHW + fresh  # type: ignore[no-any-return]
        return fresh  # type: ignore[no-any-return]
