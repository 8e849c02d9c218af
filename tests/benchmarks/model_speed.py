"""Training speed of each model on a CPU: our loop, and a plain tuned one.

The same network in both, in bf16 and channels_last (fp32 where the processor emulates
bf16). Ours is what a trial runs. The peer is what a careful user writes: the images as
one tensor, a batch taken by shuffled indices and augmented at once by the fastest way
that plain torch has (crops by strided views, mirrored, normalised), autocast, fused
SGD, gradients set to None, and no number read from a step. It keeps no freed memory, as
that is no option of torch's.

Run it alone: `python -m tests.benchmarks.model_speed`.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from raypg.models import build_model
from tests.benchmarks.cpu_loops import (
    BATCH_SIZE,
    HAS_BF16,
    NUM_IMAGES,
    WORLD,
    Loop,
    noise,
    our_config,
    our_loop,
    remote,
)
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.playground import MEAN, STD

NETWORKS = {
    "ResNet-18": ["model.name=resnet", "model.depth=18"],
    "ResNet-20": ["model.name=resnet"],
    "PreResNet-20": ["model.name=resnet", "model.preactivation=true"],
    "WRN-16-4": ["model.name=wide_resnet"],
    "DenseNet-BC-100": [
        "model.name=densenet",
        "model.depth=100",
        "model.bottleneck=true",
        "model.compression=0.5",
    ],
    "SimpleDLA": ["model.name=simple_dla"],
    "ShuffleNet": ["model.name=shufflenet_v1"],
    "ShuffleNetV2": ["model.name=shufflenet_v2"],
    "MobileNetV2": ["model.name=mobilenet_v2"],
    "MobileNetV3-Small": ["model.name=mobilenet_v3_small"],
    "VGG-11": ["model.name=vgg"],
    "ViT-Tiny": ["model.name=vit"],
    "lenet": ["model.name=lenet"],
    "paired_cnn": ["model.name=paired_cnn"],
    "mnist_cnn": ["model.name=mnist_cnn"],
    "cnn": ["model.name=cnn"],
}
QUICKLY = ("ResNet-20", "ViT-Tiny", "lenet")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_pairs: int
    span_s: float
    """Of one measurement of one loop, at the least."""


FULL = Sizes(num_pairs=10, span_s=0.7)
QUICK = Sizes(num_pairs=1, span_s=0.0)


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    names = QUICKLY if quick else tuple(NETWORKS)
    return [_row(name, QUICK if quick else FULL) for name in names]


def _row(name: str, sizes: Sizes) -> dict[str, object]:
    network = NETWORKS[name]
    own, ours = remote(partial(our_loop, network, 1, sizes.span_s))
    other, peer = remote(partial(plain_loop, network, sizes.span_s))
    with own, other:
        pairs = measure_pairs(ours, peer, sizes.num_pairs)
    precision = "bf16" if HAS_BF16 else "fp32"
    note = f"CIFAR-shaped noise, {WORLD.num_threads} threads, {precision}"
    title = f"{name} on a CPU: the same network in a plain tuned loop"
    return pairs.row(title, "images/s", ">= 1", note)


def plain_loop(network: Sequence[str], span_s: float) -> Loop:
    """The peer, for so many seconds at least."""
    data = noise()
    images = torch.from_numpy(data.train.images_NCHW).float() / 255
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(
        3, 1, 1
    )
    padded = F.pad(images, (4, 4, 4, 4))
    labels = torch.from_numpy(data.train.labels_N)
    torch.manual_seed(0)
    model = build_model(our_config(network).model, data.image_shape, data.num_classes)
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=0.1,
        momentum=0.9,
        weight_decay=1e-4,
        nesterov=True,
        fused=True,
    )

    def run() -> float:
        start, num_steps = time.perf_counter(), 0
        while not num_steps or time.perf_counter() - start < span_s:
            chosen = torch.randint(NUM_IMAGES, (BATCH_SIZE,))
            inputs = augment(padded[chosen])
            with torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16):
                loss = F.cross_entropy(model(inputs), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            num_steps += 1
        return num_steps * BATCH_SIZE / (time.perf_counter() - start)

    return run


def augment(padded_BCHW: Tensor) -> Tensor:
    """A random crop of 32 pixels of each image, every second one mirrored."""
    size = len(padded_BCHW)
    views = padded_BCHW.unfold(2, 32, 1).unfold(3, 32, 1)
    rows, columns = torch.randint(9, (2, size))
    cropped = views[torch.arange(size), :, rows, columns]
    mirrored = torch.rand(size, 1, 1, 1) < 0.5
    inputs = torch.where(mirrored, cropped.flip(3), cropped)
    return inputs.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
