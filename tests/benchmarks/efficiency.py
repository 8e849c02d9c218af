"""How much of a sweep's time is training: raypg, and the same loops run bare.

Trials of some 4 s on one thread (DenseNet-22, growth 4, digits, fp32). Bare: a process
a slot, which has imported everything and trained a small network, runs a plain loop
(`bare_loop`) over its share of the trials, all side by side. Ours: `python -m
raypg.tune` with everything on. Both are counted in seconds of slots, from the start of
a slot's first epoch to the end of its last trial: whatever the system does between and
beside trials is in it, and who finishes first does not wait. 10 trials a block, in turn
with a bare block, so that each ratio compares neighbours in time.

What was found with a CPU time for every process (two cores, two slots, 40 s, 80 s in
all): trial actors 77.8 s, of which their other threads 0.5 s; driver 0.7 to 1.0 s,
nearly all of it Tune's own loop; Ray's daemons 0.6 s. They took 1.2 s while they also
ran an autoscaler, a reader of logs, a dashboard's server and metrics, which a sweep
alone on its machine has no use for. The bare loops have the cores for themselves. Alone
on a core, a trial in its own thread takes some 1 % more than the bare loop.

    python -m tests.benchmarks.efficiency
"""

import json
import os
from contextlib import closing
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


FULL = Sizes(12, 5, 10)
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

    def bare() -> float:
        # New ones for each block, as each sweep has new workers.
        with closing(Processes(NUM_SLOTS)) as processes:
            spans = processes.train(shares, num_threads=1)
        return sum(span.ended - span.started for span in spans)

    pairs = measure_pairs(bare, lambda: sweep(space).slots_s, sizes.num_blocks)
    seconds = min(pairs.ours) / num_trials
    return [
        pairs.row(
            "sweep efficiency: the same loops bare ÷ ours after the workers' start",
            f"slot seconds for {num_trials} trials",
            ">= 0.95",
            f"'ours': the bare loops, {seconds:.1f} s a trial; {NUM_SLOTS} slots",
        )
    ]


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
