"""Residual units and networks of them (He et al. 2016, arXiv:1512.03385, 1603.05027).

ResNet and Wide-ResNet say what is stacked; deep layer aggregation takes the unit alone.
Shapes: B images, C channels, H by W pixels, K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from raypg.models.size import ImageShape
from raypg.models.stem import Stem, first_conv, fit_strides, has_large_stem
from raypg.models.stochastic_depth import drop_branch, spread_rates

BuildUnit = Callable[[int, int, int], nn.Module]
"""Makes a unit of its channels before and after it, and of its stride."""


def _conv(inner: int, outer: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, kernel, stride, padding=kernel // 2, bias=False)


class _Subsample(nn.Module):
    """Option A's shortcut: every other pixel, and zeros for the channels to come."""

    def __init__(self, more_channels: int, stride: int) -> None:
        super().__init__()
        self.more_channels = more_channels
        self.stride = stride

    def forward(self, features_BCHW: Tensor) -> Tensor:
        kept = features_BCHW[:, :, :: self.stride, :: self.stride]
        before = self.more_channels // 2
        return F.pad(kept, (0, 0, 0, 0, before, self.more_channels - before))


def _shortcut(inner: int, outer: int, stride: int, *, project: bool) -> nn.Module:
    if inner == outer and stride == 1:
        return nn.Identity()
    if not project:
        return _Subsample(outer - inner, stride)
    return nn.Sequential(_conv(inner, outer, 1, stride), nn.BatchNorm2d(outer))


class BasicUnit(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(
        self, inner: int, outer: int, stride: int, *, project: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = _conv(inner, outer, 3, stride)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = _conv(outer, outer, 3)
        self.norm2 = nn.BatchNorm2d(outer)
        self.shortcut = _shortcut(inner, outer, stride, project=project)
        self.drop_rate = 0.0

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features of the next unit."""
        fresh = F.relu(self.norm1(self.conv1(features_BCHW)), inplace=True)
        fresh = self.norm2(self.conv2(fresh))
        fresh = drop_branch(fresh, self.drop_rate, is_training=self.training)
        return F.relu(fresh + self.shortcut(features_BCHW), inplace=True)


class BottleneckUnit(nn.Module):
    """1x1, 3x3 and 1x1 convolutions; the stride is the 3x3's, as in torchvision.

    Args:
        inner: channels before it.
        outer: channels after it.
        stride: of the 3x3 convolution.
        narrowing: outer channels for each of those in between; 4 in ResNet.
    """

    def __init__(self, inner: int, outer: int, stride: int, narrowing: float) -> None:
        super().__init__()
        narrow = max(1, round(outer / narrowing))
        self.conv1 = _conv(inner, narrow, 1)
        self.norm1 = nn.BatchNorm2d(narrow)
        self.conv2 = _conv(narrow, narrow, 3, stride)
        self.norm2 = nn.BatchNorm2d(narrow)
        self.conv3 = _conv(narrow, outer, 1)
        self.norm3 = nn.BatchNorm2d(outer)
        self.shortcut = _shortcut(inner, outer, stride, project=True)
        self.drop_rate = 0.0

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features of the next unit."""
        fresh = F.relu(self.norm1(self.conv1(features_BCHW)), inplace=True)
        fresh = F.relu(self.norm2(self.conv2(fresh)), inplace=True)
        fresh = self.norm3(self.conv3(fresh))
        fresh = drop_branch(fresh, self.drop_rate, is_training=self.training)
        return F.relu(fresh + self.shortcut(features_BCHW), inplace=True)


class PreactivationUnit(nn.Module):
    """BN-ReLU-conv as often as there are kernels, and nothing after the addition.

    Where the shape changes, the shortcut starts behind the first BN-ReLU.

    Args:
        channels: before each convolution and after the last.
        kernels: of the convolutions.
        stride: of the first 3x3 convolution.
        project: a 1x1 convolution as the shortcut; else option A's.
        dropout: before the last convolution.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[int],
        stride: int,
        *,
        project: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        strided = kernels.index(3)
        self.norms = nn.ModuleList(map(nn.BatchNorm2d, channels[:-1]))
        self.convs = nn.ModuleList(
            _conv(channels[i], channels[i + 1], kernel, stride if i == strided else 1)
            for i, kernel in enumerate(kernels)
        )
        self.dropout = dropout
        self.drop_rate = 0.0
        self.shortcut: nn.Module | None = None
        inner, outer = channels[0], channels[-1]
        if inner != outer or stride > 1:
            subsample = _Subsample(outer - inner, stride)
            self.shortcut = _conv(inner, outer, 1, stride) if project else subsample

    def forward(self, features_BCHW: Tensor) -> Tensor:
        """Features of the next unit."""
        fresh = features = features_BCHW
        last = len(self.convs) - 1
        for index, (norm, conv) in enumerate(zip(self.norms, self.convs, strict=True)):
            fresh = F.relu(norm(fresh), inplace=True)
            if index == 0 and self.shortcut is not None:
                features = self.shortcut(fresh)
            if index == last:
                fresh = F.dropout(fresh, self.dropout, self.training)
            fresh = conv(fresh)
        fresh = drop_branch(fresh, self.drop_rate, is_training=self.training)
        return fresh + features


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a residual network is stacked of.

    Attributes:
        first: channels of the first convolution.
        channels: after each stage.
        num_units: of each stage; the first one of all but stage one halves the map.
        build_unit: makes one.
        preactivation: whether its units are of that kind.
        stochastic_depth: the chance that an example skips the last unit.
    """

    first: int
    channels: Sequence[int]
    num_units: Sequence[int]
    build_unit: BuildUnit
    preactivation: bool = False
    stochastic_depth: float = 0.0


class ResidualNet(nn.Module):
    """The network; logits_BK from images_BCHW."""

    def __init__(
        self, layout: Layout, stem: Stem, image_shape: ImageShape, num_classes: int
    ) -> None:
        super().__init__()
        large = has_large_stem(stem, image_shape)
        self.stem = first_conv(image_shape[0], layout.first, large=large)
        # The first unit of a pre-activation network starts with a norm of its own.
        has_norm = large or not layout.preactivation
        self.norm = nn.BatchNorm2d(layout.first) if has_norm else None
        self.pool = nn.MaxPool2d(3, 2, padding=1) if large else nn.Identity()
        strides = [1] + [2] * (len(layout.channels) - 1)
        if not large:
            strides = fit_strides(strides, min(image_shape[1:]))
        body: list[nn.Module] = []
        inner = layout.first
        stages = zip(layout.channels, layout.num_units, strides, strict=True)
        for outer, num_units, stride in stages:
            for index in range(num_units):
                body.append(layout.build_unit(inner, outer, 1 if index else stride))
                inner = outer
        spread_rates(body, layout.stochastic_depth)
        self.body = nn.Sequential(*body)
        self.last_norm = nn.BatchNorm2d(inner) if layout.preactivation else None
        self.classifier = nn.Linear(inner, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Logits, one row an image."""
        features = self.stem(images_BCHW)
        if self.norm is not None:
            features = F.relu(self.norm(features), inplace=True)
        features = self.body(self.pool(features))
        if self.last_norm is not None:
            features = F.relu(self.last_norm(features), inplace=True)
        return self.classifier(features.mean((2, 3)))  # type: ignore[no-any-return]
