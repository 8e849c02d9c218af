"""How much of a sweep's time is training: raypg, and the same loops run bare.

Trials of some 5 s on one thread (DenseNet-22, growth 4, digits, fp32). Bare: two
processes that have imported everything, each a plain loop (`bare_loop`) over half of
the trials, side by side. Ours: `python -m raypg.tune` with everything on, from the
start of its first epoch to the end of its last trial. 60 trials in blocks, in turn with
bare blocks, so that each ratio compares neighbours in time.

What was found with a CPU time for every process (two cores, two slots, 24 s): trial
actors 47.5 s, driver 1.5 s (half of it Tune's own loop), Ray's daemons 0.7 s. The bare
loops have the cores for themselves. Alone on a core, a trial in its own thread takes
1.5 to 3 % more than the bare loop: the test split, metrics, snapshots. A process's
first epoch costs 0.2 s more than its later ones.

    python -m tests.benchmarks.efficiency
"""

import json
import os
from dataclasses import dataclass

from tests.benchmarks.bare_loop import Processes
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.sweeps import sweep

NUM_SLOTS = os.cpu_count() or 1
BASE = {"model.name": "densenet", "model.growth_rate": 4, "model.depth": 22}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_blocks: int
    trials_per_slot: int
    epochs: int


FULL = Sizes(6, 5, 10)
QUICK = Sizes(1, 1, 2)


def measure(quick: bool) -> list[dict[str, object]]:
    """The row of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    num_trials = sizes.trials_per_slot * NUM_SLOTS
    base = {**BASE, "train.epochs": sizes.epochs}
    overrides = [f"{name}={value}" for name, value in base.items()]
    trials = [[*overrides, f"seed={seed}"] for seed in range(num_trials)]
    shares = [trials[slot::NUM_SLOTS] for slot in range(NUM_SLOTS)]
    axes = {"optimizer.lr": [0.1]}
    space = f"SPACE = Ablation(base={base}, axes={axes}, seeds={num_trials})"
    processes = Processes(NUM_SLOTS)

    def bare() -> float:
        spans = processes.train(shares, num_threads=1)
        return max(s.last for s in spans) - min(s.started for s in spans)

    try:
        pairs = measure_pairs(
            bare, lambda: sweep(space).after_start_s, sizes.num_blocks
        )
    finally:
        processes.close()
    seconds = min(pairs.ours) / sizes.trials_per_slot
    return [
        pairs.row(
            "sweep efficiency: the same loops bare ÷ ours after the workers' start",
            f"s for {num_trials} trials",
            ">= 0.95",
            f"'ours': the bare loops, {seconds:.1f} s a trial; {NUM_SLOTS} slots",
        )
    ]


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
