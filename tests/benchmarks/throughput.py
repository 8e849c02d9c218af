"""Training images a second: through the whole system, and threads against trials.

DenseNet-22 (k=12) on digits, bf16, channels_last. Through the whole system: one trial
of `python -m raypg.tune` that holds every core, from the end of its first epoch to the
end of its last, so that reports, rows and checkpoints count and start-up does not; the
peer is the plain loop of `bare_loop` over the same epochs with as many threads.

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
from tests.benchmarks.sweeps import sweep

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

    num_pairs: int
    epochs: int
    epochs_side_by_side: int


FULL = Sizes(10, 7, 3)
QUICK = Sizes(1, 2, 2)


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    processes = Processes(NUM_CORES)
    try:
        return [_whole_system(sizes, processes), _side_by_side(sizes, processes)]
    finally:
        processes.close()


def _whole_system(sizes: Sizes, processes: Processes) -> dict[str, object]:
    base, axes = BASE | {"train.epochs": sizes.epochs}, {"optimizer.lr": [0.1]}
    space = f"SPACE = Ablation(base={base}, axes={axes}, seeds=1)"
    num_images = _num_images(sizes.epochs - 1)

    def ours() -> float:
        run = sweep(space, "--cpus-per-worker", str(NUM_CORES))
        return num_images / run.epochs_s

    def bare() -> float:
        trial = _overrides(sizes.epochs, seed=0)
        (span,) = processes.train([[trial]], num_threads=NUM_CORES)
        return num_images / (span.last - span.first)

    return measure_pairs(ours, bare, sizes.num_pairs).row(
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
