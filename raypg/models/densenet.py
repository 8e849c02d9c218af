"""DenseNet (Huang et al. 2017, arXiv:1608.06993).

Dense blocks with average-pooled transitions between them, in the order BN-ReLU-conv:
three, or the four of the ImageNet networks of table 1 where the depth is one of theirs.
From 112 pixels on the stem is ImageNet's (`raypg.models.stem`). Shapes: B images, C
channels, H by W pixels, K classes.

ReLU is not in place: of bf16 memory that has left the cache, torch 2.15 rewrites 4 GB/s
in place, and 9 GB/s from one place to another (one core of a Xeon with AMX, n=64): 8 %
of a training step. Memory stays the same, as backward keeps no output of a norm.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.recompute import recomputed
from raypg.models.shared_norm import Features, SharedNorm, join, measure
from raypg.models.size import ImageShape
from raypg.models.stem import Stem, first_conv, has_large_stem
from raypg.models.weights import init_weights
from raypg.strict import STRICT

_NUM_BLOCKS = 3
_IMAGENET = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}
"""Layers of each block; with bottlenecks no other network has these depths."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class DenseNetConfig:
    """The `model.*` names under `densenet`. Defaults: the paper's L=40, k=12.

    DenseNet-BC of the paper is `bottleneck=True, compression=0.5`; of that kind are the
    ImageNet networks 121, 169, 201 (`growth_rate=32`) and 161 (48).
    """

    name: Literal["densenet"] = "densenet"
    # Before `depth`, whose check reads them, and with `Field` as it has: pydantic
    # validates in this order, but fields without `Field` after all others.
    bottleneck: bool = Field(default=False)
    """A 1x1 convolution to 4 growth rates before each 3x3; a layer then counts two."""
    round_depth: bool = Field(default=False)
    """Round an impossible depth down, as the old playground did silently."""
    depth: int = Field(default=40, ge=1)
    """3n+4, or with bottlenecks 6n+4, 121, 161, 169, 201; anything else is an error."""
    growth_rate: int = Field(default=12, ge=1)
    """Channels that each layer adds."""
    compression: float = Field(default=1.0, gt=0, le=1)
    """Share of the channels that a transition keeps, rounded down."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """After each convolution but the first; 0.2 in the paper without augmentation."""
    stem: Stem = Field(default="auto")
    """`small` below 112 pixels, else `large`: 7x7 with stride 2, and pooling."""

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int, info: ValidationInfo) -> int:
        if not {"bottleneck", "round_depth"} <= info.data.keys():
            return depth  # one of them is at fault, and is reported itself
        if info.data["bottleneck"] and depth in _IMAGENET:
            return depth
        step = _depth_step(info.data["bottleneck"])
        lower = 4 + (depth - 4) // step * step
        if lower == depth >= 4 + step or (info.data["round_depth"] and lower > 4):
            return depth
        lower = max(lower, 4 + step)
        kind = "with bottlenecks" if info.data["bottleneck"] else "without bottlenecks"
        raise ValueError(
            f"must be {step}n+4 {kind} (nearest: {lower} and {lower + step})"
        )

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs: 2x2 are left to the last batch norm."""
        last: int = 2 ** len(layers_of_blocks(self))
        return 4 * last - 3 if self.stem == "large" else last


def _depth_step(bottleneck: bool) -> int:
    return _NUM_BLOCKS * (2 if bottleneck else 1)


def effective_depth(config: DenseNetConfig) -> int:
    """The depth that is built: `config.depth`, or with `round_depth` the next below."""
    if config.bottleneck and config.depth in _IMAGENET:
        return config.depth
    step = _depth_step(config.bottleneck)
    return 4 + (config.depth - 4) // step * step


def layers_of_blocks(config: DenseNetConfig) -> tuple[int, ...]:
    """How many layers each block has."""
    if config.bottleneck and config.depth in _IMAGENET:
        return _IMAGENET[config.depth]
    return ((config.depth - 4) // _depth_step(config.bottleneck),) * _NUM_BLOCKS


class _NormConv(nn.Module):
    """BN-ReLU-conv, and dropout."""

    def __init__(self, inner: int, outer: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = SharedNorm(inner)
        self.conv = nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=False)
        self.dropout = dropout

    def forward(self, features: Features) -> Tensor:
        fresh_BCHW = self.conv(F.relu(features.normalised_by(self.norm)))
        return F.dropout(fresh_BCHW, self.dropout, self.training)


class _Layer(nn.Module):
    """A 3x3 convolution, behind a 1x1 with bottlenecks; its output joins its input."""

    def __init__(self, channels: int, config: DenseNetConfig) -> None:
        super().__init__()
        self.narrow: _NormConv | None = None
        if config.bottleneck:
            wide = 4 * config.growth_rate
            self.narrow = _NormConv(channels, wide, 1, config.dropout)
            channels = wide
        self.grow = _NormConv(channels, config.growth_rate, 3, config.dropout)

    def forward(self, features: Features) -> Features:
        return features.append(self.fresh(features))

    def fresh(self, *parts: Features) -> Tensor:
        """The channels that it adds to those of all parts."""
        features = parts[0] if len(parts) == 1 else join(parts)
        if self.narrow is not None:
            features = Features(self.narrow(features), None)
        return self.grow(features)  # type: ignore[no-any-return]


class _Transition(nn.Module):
    """A 1x1 convolution, then half the map."""

    def __init__(self, channels: int, kept: int, dropout: float) -> None:
        super().__init__()
        self.mix = _NormConv(channels, kept, 1, dropout)

    def forward(self, *parts: Features) -> Features:
        features = parts[0] if len(parts) == 1 else join(parts)
        halved_BCHW = F.avg_pool2d(self.mix(features), 2)
        return measure(halved_BCHW, is_training=self.training)


class DenseNet(nn.Module):
    """The network; logits_BK from images_BCHW."""

    def __init__(
        self, config: DenseNetConfig, image_shape: ImageShape, num_classes: int
    ) -> None:
        super().__init__()
        self.recomputes = False
        large = has_large_stem(config.stem, image_shape)
        # The paper: 16 channels first, for BC twice the growth rate.
        channels = 2 * config.growth_rate if config.bottleneck else 16
        self.stem = first_conv(image_shape[0], channels, large=large)
        self.stem_norm = nn.BatchNorm2d(channels) if large else None
        body: list[nn.Module] = []
        blocks = layers_of_blocks(config)
        for block, num_layers in enumerate(blocks):
            for _ in range(num_layers):
                body.append(_Layer(channels, config))
                channels += config.growth_rate
            if block < len(blocks) - 1:
                kept = int(channels * config.compression)
                body.append(_Transition(channels, kept, config.dropout))
                channels = kept
        self.body = nn.Sequential(*body)
        self.norm = SharedNorm(channels)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Logits, one row an image."""
        stem_BCHW = self.stem(images_BCHW)
        if self.stem_norm is not None:
            stem_BCHW = F.relu(self.stem_norm(stem_BCHW))
            stem_BCHW = F.max_pool2d(stem_BCHW, 3, 2, padding=1)
        stem = measure(stem_BCHW, is_training=self.training)
        body = self._recomputed if self.recomputes else self.body
        last_BCHW = F.relu(body(stem).normalised_by(self.norm))
        return self.classifier(last_BCHW.mean((2, 3)))  # type: ignore[no-any-return]

    def _recomputed(self, stem: Features) -> Features:
        """The body, of which backward keeps each layer's channels once.

        They are joined anew for each layer that takes them, in backward, too.
        """
        if not torch.is_grad_enabled():
            return self.body(stem)  # type: ignore[no-any-return]
        parts = [stem]
        for unit in self.body:
            if isinstance(unit, _Layer):
                fresh_BCHW = recomputed(unit, unit.fresh, *parts)
                parts.append(stem.alike(fresh_BCHW))
            else:
                parts = [stem := recomputed(unit, unit, *parts)]
        return join(parts)


def build_densenet(
    config: DenseNetConfig, image_shape: ImageShape, num_classes: int
) -> DenseNet:
    """A DenseNet with fresh weights."""
    return init_weights(DenseNet(config, image_shape, num_classes))
