"""Vision Transformer (Dosovitskiy et al. 2021, arXiv:2010.11929).

Defaults are ViT-Tiny's (Touvron et al. 2021, arXiv:2012.12877): 5.7 M parameters on
ImageNet. Norms come first, as in the paper; positions are learned, and a class token is
read out.

Shapes: B images, C channels, H by W pixels, T tokens, D features of each, K classes.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from raypg.models.size import ImageShape
from raypg.models.stem import has_large_stem
from raypg.models.stochastic_depth import drop_branch, spread_rates
from raypg.strict import STRICT

_EPS = 1e-6
_POSITIONS_STD = 0.02
"""Of fresh ones. The rest starts as in the authors' code, but for its classifier of
zeros."""


@dataclass(frozen=True, kw_only=True, slots=True, config=STRICT)
class VitConfig:
    """The `model.*` names under `vit`. Defaults: ViT-Tiny."""

    name: Literal["vit"] = "vit"
    # Before `num_heads`, whose check reads it.
    hidden: int = Field(default=192, ge=1)
    """Features of a token: 192 in Tiny, 384 in Small, 768 in Base."""
    num_heads: int = Field(default=3, ge=1)
    """Of the attention, which split the features: 3 in Tiny, 6 in Small, 12 in Base."""
    depth: int = Field(default=12, ge=1)
    """Blocks of attention and a perceptron."""
    mlp_ratio: int = Field(default=4, ge=1)
    """Hidden units of a perceptron for each feature."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """After the positions, the attention and both layers of a perceptron."""
    stochastic_depth: float = Field(default=0.0, ge=0, lt=1)
    """The chance that an example skips attention and perceptron of the last block in
    training, or less in those before it, in even steps; 0.1 in DeiT."""
    patch_size: int = Field(default=0, ge=0)
    """Pixels of a patch's side; 0: 2 for images below 16 pixels, 16 from 112 pixels (as
    in the paper), 4 in between."""

    @field_validator("num_heads")
    @classmethod
    def _check_heads(cls, num_heads: int, info: ValidationInfo) -> int:
        hidden = info.data.get("hidden", num_heads)
        if hidden % num_heads:
            raise ValueError(f"must divide model.hidden, which is {hidden}")
        return num_heads

    @property
    def smallest_side(self) -> int:
        """Pixels that it needs."""
        return self.patch_size or 2

    def patch_side(self, image_shape: ImageShape) -> int:
        """Pixels of a patch's side on images of this shape."""
        if self.patch_size:
            return self.patch_size
        if has_large_stem("auto", image_shape):
            return 16
        return 2 if min(image_shape[1:]) < 16 else 4


def attend(query: Tensor, key: Tensor, value: Tensor, *, plain: bool) -> Tensor:
    """Values weighed by how near their keys are to a query, fused or by plain products.

    All are of shape (B, heads, T, features of a head).
    """
    if not plain:
        return F.scaled_dot_product_attention(query, key, value)
    nearness = query * query.shape[-1] ** -0.5 @ key.transpose(-2, -1)
    return nearness.softmax(-1) @ value  # type: ignore[no-any-return]


class _Attention(nn.Module):
    """Every token takes in what the others hold, a head at a time."""

    def __init__(self, hidden: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.project = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        parts = self.project(tokens_BTD).unflatten(2, (3, self.num_heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # Backward of a GPU's fused kernels sums in any order.
        plain = query.is_cuda and torch.are_deterministic_algorithms_enabled()
        mixed = attend(query, key, value, plain=plain)
        return self.out(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Attention, then a perceptron for each token; both are added to what came in."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        hidden, wide = config.hidden, config.mlp_ratio * config.hidden
        self.norm1 = nn.LayerNorm(hidden, eps=_EPS)
        self.attention = _Attention(hidden, config.num_heads)
        self.dropout = nn.Dropout(config.dropout)
        self.drop_rate = 0.0
        self.norm2 = nn.LayerNorm(hidden, eps=_EPS)
        self.perceptron = nn.Sequential(
            nn.Linear(hidden, wide),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(wide, hidden),
            nn.Dropout(config.dropout),
        )

    def forward(self, tokens_BTD: Tensor) -> Tensor:
        mixed_BTD = self.dropout(self.attention(self.norm1(tokens_BTD)))
        tokens_BTD = tokens_BTD + self._dropped(mixed_BTD)
        return tokens_BTD + self._dropped(self.perceptron(self.norm2(tokens_BTD)))

    def _dropped(self, branch_BTD: Tensor) -> Tensor:
        return drop_branch(branch_BTD, self.drop_rate, is_training=self.training)


class VisionTransformer(nn.Module):
    """The network; logits_BK from images_BCHW of one size."""

    def __init__(
        self, config: VitConfig, image_shape: ImageShape, num_classes: int
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        side, hidden = config.patch_side(image_shape), config.hidden
        num_tokens = 1 + (height // side) * (width // side)
        self.class_token = nn.Parameter(torch.zeros(1, 1, hidden))
        self.positions = nn.Parameter(torch.zeros(1, num_tokens, hidden))
        self.patches = nn.Conv2d(channels, hidden, side, side)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(*(_Block(config) for _ in range(config.depth)))
        spread_rates(list(self.blocks), config.stochastic_depth)
        self.norm = nn.LayerNorm(hidden, eps=_EPS)
        self.classifier = nn.Linear(hidden, num_classes)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Logits, one row an image."""
        patches_BTD = self.patches(images_BCHW).flatten(2).transpose(1, 2)
        first_BTD = self.class_token.expand(len(images_BCHW), -1, -1)
        tokens_BTD = torch.cat([first_BTD, patches_BTD], 1) + self.positions
        tokens_BTD = self.blocks(self.dropout(tokens_BTD))
        return self.classifier(self.norm(tokens_BTD[:, 0]))  # type: ignore[no-any-return]


def build_vit(
    config: VitConfig, image_shape: ImageShape, num_classes: int
) -> VisionTransformer:
    """A Vision Transformer with fresh weights."""
    model = VisionTransformer(config, image_shape, num_classes)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    if model.positions.is_meta:  # nothing to draw, and torch's compiler for it
        return model
    nn.init.normal_(model.positions, std=_POSITIONS_STD)
    nn.init.normal_(model.patches.weight, std=model.patches.weight[0].numel() ** -0.5)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    return model
