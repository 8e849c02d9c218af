"""The Vision Transformer: its attention, its patches, what it refuses."""

import pytest
import torch
from pydantic import ValidationError

from raypg.models import VitConfig, build_model
from raypg.models.vit import attend


def test_plain_attention_is_the_fused_one() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(3, 2, 4, 9, 8, generator=generator, requires_grad=True)
    fused, plain = attend(*parts, plain=False), attend(*parts, plain=True)
    torch.testing.assert_close(fused, plain)
    gradients = [torch.autograd.grad(o.square().sum(), parts) for o in (fused, plain)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("side", "patch", "num_tokens"),
    [(8, 0, 17), (28, 0, 50), (32, 0, 65), (64, 0, 257), (224, 0, 197), (32, 8, 17)],
)
def test_patches_follow_the_size_unless_they_are_named(
    side: int, patch: int, num_tokens: int
) -> None:
    config = VitConfig(hidden=8, num_heads=2, depth=1, patch_size=patch)
    model = build_model(config, (1, side, side), 10)
    assert model.get_parameter("positions").shape == (1, num_tokens, 8)


def test_features_that_the_heads_do_not_divide_are_an_error() -> None:
    with pytest.raises(ValidationError, match="must divide model.hidden, which is 192"):
        VitConfig(num_heads=5)
