"""ResNet for small images (He et al. 2016, arXiv:1512.03385).

Depth 18 is the ImageNet network behind a 3x3 stem, with projection shortcuts; 6n+2 are
section 4.2's networks for CIFAR, with parameter-free shortcuts (option A), as there.
"""

from typing import Literal

import torch.nn.functional as F
from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.size import ImageShape
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_DEPTHS = (8, 14, 18, 20, 32, 44, 56, 110)


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class ResNetConfig:
    """The `model.*` names under `resnet`. Defaults: the smallest of the paper's."""

    name: Literal["resnet"] = "resnet"
    depth: int = 20
    """18, or 6n+2: 8, 14, 20, 32, 44, 56, 110."""
    width: float = Field(default=1.0, gt=0, le=64, allow_inf_nan=False)
    """Multiplies the channels: 64 to 512 at depth 18, else 16 to 64."""

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        if depth in _DEPTHS:
            return depth
        near = sorted(sorted(_DEPTHS, key=lambda known: abs(known - depth))[:2])
        raise ValueError(f"must be 18 or 6n+2 (nearest: {near[0]} and {near[1]})")


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
    conv = nn.Conv2d(inner, outer, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outer))


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut around them."""

    def __init__(self, inner: int, outer: int, stride: int, *, project: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outer)
        self.shortcut = _shortcut(inner, outer, stride, project=project)

    def forward(self, features_BCHW: Tensor) -> Tensor:
        fresh = F.relu(self.norm1(self.conv1(features_BCHW)), inplace=True)
        fresh = self.norm2(self.conv2(fresh))
        return F.relu(fresh + self.shortcut(features_BCHW), inplace=True)


class ResNet(nn.Module):
    """The network; logits_BK from images_BCHW."""

    def __init__(
        self, config: ResNetConfig, image_shape: ImageShape, num_classes: int
    ) -> None:
        super().__init__()
        imagenet = config.depth == 18
        bases = (64, 128, 256, 512) if imagenet else (16, 32, 64)
        blocks_a_stage = 2 if imagenet else (config.depth - 2) // 6
        channels = [max(1, round(base * config.width)) for base in bases]
        self.stem = nn.Conv2d(image_shape[0], channels[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels[0])
        body: list[nn.Module] = []
        inner, side = channels[0], min(image_shape[1:])
        for stage, outer in enumerate(channels):
            # Never below 2x2: batch norm has no variance over a single value.
            stride = 2 if stage > 0 and side >= 4 else 1
            side = -(-side // stride)
            for block in range(blocks_a_stage):
                step = stride if block == 0 else 1
                body.append(_Block(inner, outer, step, project=imagenet))
                inner = outer
        self.body = nn.Sequential(*body)
        self.classifier = nn.Linear(inner, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Logits, one row an image."""
        features = F.relu(self.norm(self.stem(images_BCHW)), inplace=True)
        features = self.body(features).mean((2, 3))
        return self.classifier(features)  # type: ignore[no-any-return]


def build_resnet(
    config: ResNetConfig, image_shape: ImageShape, num_classes: int
) -> ResNet:
    """A ResNet with fresh weights."""
    return init_weights(ResNet(config, image_shape, num_classes))
