"""DenseNet (k=12) trained on a CPU: our loop, and the playground's.

CIFAR-shaped noise (uint8, 3x32x32, 10 classes), crop, mirror, normalise, batches of
64, SGD with momentum, two threads, each loop in a process of its own. Ours: what a
trial runs, in bf16 and channels_last. The peer: fp32, torchvision's transforms in a
DataLoader without further processes, torch's defaults. A second row gives the peer bf16
and channels_last too, to tell what else matters; a third asks whether bf16 reaches what
fp32 does, on the digits, over seeds. Where the processor has no instructions for bf16
(AVX2 alone: six times slower than fp32), ours is fp32 in channels_last, as raypg says
there, and the first row is the only one.

Nearly all of the ratio is bf16 in channels_last. A step is bound by memory, not by
arithmetic: kept heap pages give 9 to 13 % (`raypg.training.heap`), shared batch
statistics 6 % (`raypg.models.shared_norm`), ReLU out of place 8 % (a Xeon with AMX).

How much bf16 gives is the processor's: with AMX some 2.4 in all, with AVX512-BF16 alone
(an EPYC, twice its fp32 rate) some 2.1. There a profile of a step says: convolutions
55 %, near the peak of the cores; backward of batch norm 14 %; sums of gradients 6 %;
ReLU 8 %; statistics 4 %; concatenation 3 %. Tried and left: gradients of the statistics
summed over all layers, one pass over a channel in place of one a layer. Torch 2.15 has
no fast pass for a norm's two sums alone, so that it is slower by a fifth.

Run it alone: `python -m tests.benchmarks.densenet_cpu`.
"""

import json
from dataclasses import dataclass
from functools import partial

from raypg.config import load, parse_overrides
from raypg.data import load_dataset
from raypg.training.link import SilentLink
from raypg.training.loop import train
from tests.benchmarks.cpu_loops import (
    BATCH_SIZE,
    FAST,
    HAS_BF16,
    WORLD,
    Loop,
    noise_images,
    our_loop,
    remote,
)
from tests.benchmarks.pairs import Pairs, measure_pairs
from tests.benchmarks.playground import build_loop, densenet

PEERS = {"fp32": "no goal: this processor emulates bf16"}
if HAS_BF16:
    PEERS = {"fp32": ">= 2.5", "bf16, channels_last": ">= 1"}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    depth: int
    num_pairs: int
    num_steps: int
    num_seeds: int
    num_epochs: int


FULL = Sizes(depth=40, num_pairs=20, num_steps=2, num_seeds=8, num_epochs=6)
QUICK = Sizes(depth=22, num_pairs=1, num_steps=1, num_seeds=1, num_epochs=1)


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    rows = _rates(sizes)
    return [*rows, _accuracy(sizes)] if HAS_BF16 else rows


def _rates(sizes: Sizes) -> list[dict[str, object]]:
    rows = []
    network = ["model.name=densenet", f"model.depth={sizes.depth}"]
    process, ours = remote(partial(our_loop, network, sizes.num_steps))
    with process:
        for name, goal in PEERS.items():
            other, peer = remote(partial(_peer_loop, name, sizes))
            with other:
                pairs = measure_pairs(ours, peer, sizes.num_pairs)
            title = f"DenseNet-{sizes.depth} (k=12) on a CPU: the playground's loop"
            own_precision = "bf16" if HAS_BF16 else "fp32"
            note = f"CIFAR-shaped noise, {WORLD.num_threads} threads, {own_precision}"
            rows.append(pairs.row(f"{title} in {name}", "images/s", goal, note))
    return rows


def _peer_loop(name: str, sizes: Sizes) -> Loop:
    model = densenet(sizes.depth, 12, 10)
    is_fast = name != "fp32"
    images = noise_images()
    return build_loop(model, images, BATCH_SIZE, sizes.num_steps, bf16=is_fast)


def _accuracy(sizes: Sizes) -> dict[str, object]:
    """Validation accuracy of a short training on the digits, paired by seed."""
    common = ["model.name=densenet", "model.depth=22"]
    common.append(f"train.epochs={sizes.num_epochs}")
    reached: dict[str, list[float]] = {"bf16": [], "fp32": []}
    for seed in range(sizes.num_seeds):
        for who, precision in (("bf16", FAST), ("fp32", [])):
            config = load([parse_overrides([*common, *precision, f"seed={seed}"])])
            outcome = train(config, load_dataset(config.data), WORLD, SilentLink())
            assert outcome.val is not None
            reached[who].append(outcome.val.accuracy)
    pairs = Pairs(tuple(reached["bf16"]), tuple(reached["fp32"]), 0)
    title = "accuracy of DenseNet-22 (k=12) on the digits in bf16: in fp32"
    note = f"last of {sizes.num_epochs} epochs, paired by {sizes.num_seeds} seeds"
    return pairs.row(title, "", "no goal: 1 should lie in the interval", note)


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, indent=1))
