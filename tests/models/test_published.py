"""Parameters and multiply-adds that papers and other libraries publish.

What torchvision has is in `test_torchvision_peers`. Counts to the last parameter of the
others are from the tables of osmr/imgclsmob, which has implementations of its own.
"""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from raypg.models import (
    DenseNetConfig,
    LenetConfig,
    MnistCnnConfig,
    MobileNetV2Config,
    MobileNetV3SmallConfig,
    ModelConfig,
    PairedCnnConfig,
    ResNetConfig,
    ShuffleNetV1Config,
    ShuffleNetV2Config,
    SimpleDlaConfig,
    VggConfig,
    VitConfig,
    WideResNetConfig,
    build_model,
    count_flops,
    num_parameters,
)

MNIST = ((1, 28, 28), 10)
CIFAR = ((3, 32, 32), 10)
IMAGENET = ((3, 224, 224), 1000)


def meta(config: ModelConfig, data: tuple[tuple[int, int, int], int]) -> nn.Module:
    with torch.device("meta"):
        return build_model(config, *data)


def preact(depth: int) -> ResNetConfig:
    return ResNetConfig(depth=depth, preactivation=True)


def wide(depth: int, width: float) -> WideResNetConfig:
    return WideResNetConfig(depth=depth, width=width)


EXACT: Mapping[str, tuple[ModelConfig, tuple[tuple[int, int, int], int], int]] = {
    "DenseNet-BC-250 k=24": (
        DenseNetConfig(bottleneck=True, compression=0.5, depth=250, growth_rate=24),
        CIFAR,
        15_324_406,
    ),
    "ResNet-164": (ResNetConfig(depth=164), CIFAR, 1_704_154),
    "ResNet-1001": (ResNetConfig(depth=1001), CIFAR, 10_328_602),
    "PreResNet-164": (preact(164), CIFAR, 1_703_258),
    "PreResNet-1001": (preact(1001), CIFAR, 10_327_706),
    "WRN-16-10": (wide(16, 10.0), CIFAR, 17_116_634),
    "WRN-28-10": (wide(28, 10.0), CIFAR, 36_479_194),
    "WRN-40-8": (wide(40, 8.0), CIFAR, 35_748_314),
    "ShuffleNet g=1": (ShuffleNetV1Config(groups=1), IMAGENET, 1_531_936),
    "ShuffleNet g=2": (ShuffleNetV1Config(groups=2), IMAGENET, 1_733_848),
    "ShuffleNet g=3": (ShuffleNetV1Config(groups=3), IMAGENET, 1_865_728),
    "ShuffleNet g=4": (ShuffleNetV1Config(groups=4), IMAGENET, 1_968_344),
    "ShuffleNet g=8": (ShuffleNetV1Config(groups=8), IMAGENET, 2_434_768),
    "ViT-Tiny (timm)": (VitConfig(), IMAGENET, 5_717_416),
    "SimpleModel": (LenetConfig(), CIFAR, 62_006),
    "AVModel": (PairedCnnConfig(), CIFAR, 5_852_234),
    "SimpleMNIST": (MnistCnnConfig(), MNIST, 1_199_882),
}


@pytest.mark.parametrize("name", EXACT)
def test_a_network_has_exactly_the_published_parameters(name: str) -> None:
    config, data, published = EXACT[name]
    assert num_parameters(meta(config, data)) == published


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (DenseNetConfig(depth=100), 7.0),
        (DenseNetConfig(depth=100, growth_rate=24), 27.2),
        (preact(110), 1.7),
        (wide(40, 4.0), 8.9),
        (wide(16, 8.0), 11.0),
        # The 0.2487 M of a ShuffleNet for CIFAR-10 with these settings.
        (ShuffleNetV1Config(groups=1, width=0.5), 0.25),
        (ShuffleNetV1Config(groups=8, width=1.0), 0.91),
    ],
    ids=str,
)
def test_a_network_for_cifar_has_its_papers_parameters(
    config: ModelConfig, millions: float
) -> None:
    found = num_parameters(meta(config, CIFAR)) / 1e6
    assert found == pytest.approx(millions, rel=0.02)


def test_preactivation_moves_norms_and_adds_none() -> None:
    plain, moved = ResNetConfig(depth=110), preact(110)
    assert num_parameters(meta(plain, CIFAR)) == num_parameters(meta(moved, CIFAR))


def test_simple_dla_has_the_parameters_of_its_trees() -> None:
    def conv(inner: int, outer: int, kernel: int) -> int:
        return inner * outer * kernel**2 + 2 * outer  # and its norm

    def unit(inner: int, outer: int) -> int:
        shortcut = conv(inner, outer, 1) if inner != outer else 0
        return conv(inner, outer, 3) + conv(outer, outer, 3) + shortcut

    def tree(inner: int, outer: int, level: int) -> int:
        part = unit if level == 1 else lambda i, o: tree(i, o, level - 1)
        return part(inner, outer) + part(outer, outer) + conv(2 * outer, outer, 1)

    stem = conv(3, 16, 3) + conv(16, 16, 3) + conv(16, 32, 3)
    trees = tree(32, 64, 1) + tree(64, 128, 2) + tree(128, 256, 2) + tree(256, 512, 1)
    expected = stem + trees + 512 * 10 + 10
    assert num_parameters(meta(SimpleDlaConfig(), CIFAR)) == expected


@pytest.mark.parametrize(
    ("config", "data", "millions", "tolerance"),
    [
        (ResNetConfig(depth=18), IMAGENET, 1800, 0.02),
        (ResNetConfig(depth=50), IMAGENET, 4100, 0.02),
        (wide(28, 10.0), CIFAR, 5247, 0.01),
        (MobileNetV2Config(), IMAGENET, 300, 0.02),
        (MobileNetV3SmallConfig(), IMAGENET, 56, 0.03),
        (ShuffleNetV1Config(groups=1), IMAGENET, 143, 0.05),
        (ShuffleNetV1Config(groups=3), IMAGENET, 137, 0.05),
        (ShuffleNetV2Config(width=0.5), IMAGENET, 41, 0.03),
        (ShuffleNetV2Config(), IMAGENET, 146, 0.02),
        (VggConfig(depth=16), IMAGENET, 15_500, 0.01),
        (VitConfig(), IMAGENET, 1260, 0.01),
    ],
    ids=str,
)
def test_a_network_costs_its_papers_multiply_adds(
    config: ModelConfig,
    data: tuple[tuple[int, int, int], int],
    millions: float,
    tolerance: float,
) -> None:
    flops = count_flops(meta(config, data), data[0]) / 1e6
    assert flops == pytest.approx(millions, rel=tolerance)


def test_attention_counts_its_two_products() -> None:
    config = VitConfig(hidden=48, num_heads=3, depth=2)
    tokens, hidden, patch = 65, 48, 4 * 4 * 3
    linear = (3 + 1 + 2 * config.mlp_ratio) * tokens * hidden**2
    attention = 2 * tokens**2 * hidden
    ends = 64 * patch * hidden + hidden * 10
    found = count_flops(meta(config, CIFAR), (3, 32, 32))
    assert found == 2 * (linear + attention) + ends
