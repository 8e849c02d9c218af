"""Which images a network takes: the smallest, the stem, and what is said of others."""

from typing import Any

import pytest
import torch
from torch import nn

from raypg.config import load, parse_overrides
from raypg.errors import ConfigError
from raypg.models import (
    MODELS,
    DenseNetConfig,
    MobileNetV2Config,
    MobileNetV3SmallConfig,
    ModelConfig,
    ResNetConfig,
    ShuffleNetV1Config,
    ShuffleNetV2Config,
    SimpleDlaConfig,
    VggConfig,
    VitConfig,
    WideResNetConfig,
    build_model,
)
from raypg.models.fit import find_misfit
from raypg.models.stem import has_large_stem
from tests.training.tiny import tiny_config

LARGE: list[ModelConfig] = [
    DenseNetConfig(depth=10, growth_rate=4, stem="large"),
    DenseNetConfig(bottleneck=True, depth=121, growth_rate=2, stem="large"),
    DenseNetConfig(bottleneck=True, depth=121, growth_rate=2),
    MobileNetV2Config(width=0.1, stem="large"),
    MobileNetV3SmallConfig(width=0.1, stem="large"),
    ResNetConfig(depth=8, width=0.25, stem="large"),
    ResNetConfig(depth=18, width=0.05, stem="large"),
    ResNetConfig(depth=8, preactivation=True, stem="large"),
    ShuffleNetV1Config(width=0.2, stem="large"),
    ShuffleNetV2Config(width=0.5, stem="large"),
    SimpleDlaConfig(width=0.1, stem="large"),
    VggConfig(width=0.05, stem="large"),
    VitConfig(hidden=6, depth=1, patch_size=16),
    WideResNetConfig(depth=10, width=0.25, stem="large"),
    WideResNetConfig(depth=50, width=0.1, stem="large"),
]


def learn_from_one(config: ModelConfig, side: int) -> None:
    """A step with a single image, for which batch norm wants more than a pixel."""
    model = build_model(config, (3, side, side), 10)
    model(torch.randn(1, 3, side, side)).sum().backward()


def with_smallest_side(name: str) -> Any:  # noqa: ANN401
    model: Any = tiny_config(name).model
    return model


@pytest.mark.parametrize(
    "config", [*map(with_smallest_side, sorted(MODELS)), *LARGE], ids=str
)
def test_the_smallest_side_is_the_smallest_that_can_train(config: Any) -> None:  # noqa: ANN401
    smallest = config.smallest_side
    assert find_misfit(config, (3, smallest, smallest)) is None
    learn_from_one(config, smallest)
    if smallest > 1:
        less = smallest - 1
        assert find_misfit(config, (3, less, less)) is not None
        with pytest.raises((RuntimeError, ValueError, UserWarning), match="."):
            learn_from_one(config, less)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("side", [8, 28, 32, 64, 224])
def test_every_model_takes_every_usual_size(name: str, side: int) -> None:
    for channels in (1, 3):
        assert find_misfit(tiny_config(name).model, (channels, side, side)) is None


@pytest.mark.parametrize(("side", "large"), [(8, False), (64, False), (224, True)])
def test_the_stem_follows_the_size_unless_it_is_named(side: int, large: bool) -> None:
    shape = (3, side, side)
    assert has_large_stem("auto", shape) is large
    assert has_large_stem("large", shape)
    assert not has_large_stem("small", shape)


@pytest.mark.parametrize("name", ["resnet", "mobilenet_v2", "shufflenet_v2"])
def test_stems_leave_a_last_map_of_much_the_same_size(name: str) -> None:
    """From 4x4 of 32 pixels to 8x8 of 64, and 7x7 of 224 as in the papers."""
    depth = {"model__depth": 18} if name == "resnet" else {}
    config = tiny_config(name, **depth).model
    assert {side: last_side(config, side) for side in (32, 64, 224)} == {
        32: 4,
        64: 8,
        224: 7,
    }


def last_side(config: ModelConfig, side: int) -> int:
    """Pixels of the map that the last batch norm sees."""
    model, seen = build_model(config, (3, side, side), 10), list[int]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _m, _i, out: seen.append(out.shape[-1]))
    model(torch.randn(2, 3, side, side))
    return seen[-1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model.name=resnet", "model.depth=18", "model.stem=large"],
            '"model.stem": must have images of at least 33x33 pixels;'
            " found the 8x8 of digits. Leave it to auto.",
        ),
        (
            ["model.bottleneck=true", "model.depth=121"],
            'defaults: "model.name": must have images of at least 16x16 pixels;'
            " found the 8x8 of digits. Choose another model or data set.",
        ),
        (
            ["model.name=vit", "model.patch_size=16"],
            'command line: "model.name": must have images of at least 16x16 pixels;',
        ),
        (
            ["model.name=vit", "model.patch_size=3"],
            '"model.patch_size": must cut images into whole patches, of 3x3 pixels'
            " here; found the 8x8 of digits. Set a divisor of their sides.",
        ),
    ],
)
def test_a_network_too_deep_for_its_images_is_an_error_of_the_config(
    overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=".") as error:
        load([parse_overrides(overrides)])
    assert message in str(error.value)
