"""Training images a second: through the whole system, and threads against trials.

DenseNet-22 (k=12) on digits, bf16, channels_last. Through the whole system: one trial
of `python -m raypg.tune` that holds every core, over some epochs at a time, so that
reports, rows and checkpoints count and start-up does not; the peer is the plain loop of
`bare_loop` with as many threads, between two spans of ours (`paused_sweep`).

Two trials side by side: the plain loop in as many processes as there are cores, one
thread each, and in one process with a thread a core.

    python -m tests.benchmarks.throughput
"""

import json
import os
from dataclasses import dataclass

from raypg.config import load, parse_overrides
from raypg.data import dataset_spec
from tests.benchmarks.bare_loop import Processes
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.paused_sweep import paused_sweep

NUM_CORES = os.cpu_count() or 1
BASE = {
    "model.name": "densenet",
    "model.growth_rate": 12,
    "model.depth": 22,
    "train.precision": "bf16",
    "train.channels_last": True,
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_spans: int
    epochs_a_span: int
    num_pairs: int
    epochs_side_by_side: int


FULL = Sizes(30, 6, 6, 3)
QUICK = Sizes(1, 3, 1, 2)

MANY = 100_000
"""Epochs of a trial that is not to end by itself."""


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    processes = Processes(NUM_CORES)
    try:
        return [_whole_system(sizes, processes), _side_by_side(sizes, processes)]
    finally:
        processes.close()


def _whole_system(sizes: Sizes, processes: Processes) -> dict[str, object]:
    base, axes = BASE | {"train.epochs": MANY}, {"optimizer.lr": [0.1]}
    space = f"SPACE = Ablation(base={base}, axes={axes}, seeds=1)"
    epochs, num_images = sizes.epochs_a_span, _num_images(1)

    def bare() -> float:
        trial = _overrides(epochs + 1, seed=0)
        (span,) = processes.train([[trial]], num_threads=NUM_CORES)
        return num_images * epochs / (span.last - span.first)

    with paused_sweep(space, "--cpus-per-worker", str(NUM_CORES)) as sweep:

        def ours() -> float:
            return num_images * sweep.epochs_a_second(1.2 * epochs * epoch_s)

        epoch_s = num_images / bare()
        return measure_pairs(ours, bare, sizes.num_spans).row(
            "training through the whole system: the bare loop",
            "images/s",
            ">= 0.95",
            f"one trial, {NUM_CORES} threads, validation after each epoch",
        )


def _side_by_side(sizes: Sizes, processes: Processes) -> dict[str, object]:
    epochs = sizes.epochs_side_by_side
    num_images = _num_images(epochs - 1)

    def side_by_side() -> float:
        shares = [[_overrides(epochs, seed)] for seed in range(NUM_CORES)]
        spans = processes.train(shares, num_threads=1)
        return sum(num_images / (span.last - span.first) for span in spans)

    def together() -> float:
        trial = _overrides(epochs, seed=0)
        (span,) = processes.train([[trial]], num_threads=NUM_CORES)
        return num_images / (span.last - span.first)

    return measure_pairs(side_by_side, together, sizes.num_pairs).row(
        f"{NUM_CORES} trials with a thread each: one trial with {NUM_CORES} threads",
        "images/s in all",
        ">= 1.2",
        "bare loops, bf16, validation after each epoch",
    )


def _overrides(epochs: int, seed: int) -> list[str]:
    leaves = BASE | {"train.epochs": epochs, "seed": seed}
    return [f"{name}={value}" for name, value in leaves.items()]


def _num_images(epochs: int) -> int:
    config = load([parse_overrides(_overrides(1, seed=0))])
    return epochs * dataset_spec(config.data).num_train


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
