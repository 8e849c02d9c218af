"""What trials cost beyond their training: raypg's warm workers, and Ray's own ways.

Short trials of a small CNN on digits (3 epochs, 0.2 s of training on one thread). Ours
is `python -m raypg.tune` with everything on: tables, checkpoints, predictions, the
test of each trial, progress on a pipe. The peers are `tune_peers`, which write none of
these: the same network on the same data, with validation, fp32, one thread.

- Cost of a further trial: wall time a trial from the 24th end to the 120th, within one
  command, less the seconds that a trial spent in its epochs ÷ slots. So start-up does
  not count, and for Ray's documented Tune + TorchTrainer, where a trial *is* start-up,
  it is extrapolated from a handful of trials.
- Wall time: whole commands in turn, process start to exit.
- First row: ours, the first epoch in a file of the table (the flush included); bare
  Tune, its first callback.

    python -m tests.benchmarks.warm_workers
"""

import json
import os
from dataclasses import dataclass
from functools import partial
from statistics import median

from tests.benchmarks.pairs import Pairs, run_pairs
from tests.benchmarks.sweeps import Run, sweep, sweep_by_peer

NUM_CORES = os.cpu_count() or 1
EPOCHS = 3


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_pairs: int
    num_trials: int
    first: int
    """The trial at whose end the margin begins."""
    num_group_pairs: int = 0
    num_group_trials: int = 0
    num_documented: int = 0


FULL = Sizes(6, 120, 24, 3, 24, 4)
QUICK = Sizes(num_pairs=1, num_trials=6, first=2)


def space(num_trials: int) -> str:
    """Two learning rates, and seeds."""
    return f"""
SPACE = Ablation(
    base={{"model.name": "cnn", "model.channels": 8, "train.epochs": {EPOCHS}}},
    axes={{"optimizer.lr": [0.05, 0.1]}},
    seeds={-(-num_trials // 2)},
)"""


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    rows = _one_worker(sizes)
    return rows if quick else [*rows, *_documented(sizes), *_two_workers(sizes)]


def peer(kind: str, num_trials: int, *more: str) -> Run:
    """The same sweep by a peer: a kind of `tune_peers`, or `train_peer`."""
    module = [kind] if kind == "train_peer" else ["tune_peers", kind]
    numbers = ["--trials", str(num_trials), "--epochs", str(EPOCHS)]
    return sweep_by_peer(*module, *numbers, *more)


def _one_worker(sizes: Sizes) -> list[dict[str, object]]:
    runs, num_disturbed = run_pairs(
        partial(sweep, space(sizes.num_trials)),
        partial(peer, "reuse_actors", sizes.num_trials),
        sizes.num_pairs,
        num_spare=sizes.num_pairs // 4,
    )
    what = f"{sizes.num_trials} short trials, one worker each, {NUM_CORES} slots"
    name = "bare Tune, reuse_actors"

    def pairs(value: "partial[float]") -> Pairs:
        return Pairs(
            tuple(value(run) for run, _ in runs),
            tuple(value(run) for _, run in runs),
            num_disturbed,
        )

    cost = partial(Run.cost_ms, first=sizes.first, num_slots=NUM_CORES)
    train_s = median(run.train_s for run, _ in runs)
    peer_train_s = median(run.train_s for _, run in runs)
    return [
        pairs(cost).row(
            f"a further short trial beyond its training: {name}",
            "ms",
            "ours <= 30",
            f"from {sizes.first} to {sizes.num_trials} trials; training {train_s:.2f} s"
            f" (peer {peer_train_s:.2f} s) ÷ {NUM_CORES} slots",
        ),
        pairs(partial(lambda run: run.wall_s)).row(
            f"wall time, {what}: {name}", "s", "<= 1.1", "process start to exit"
        ),
        pairs(partial(lambda run: run.first_row_s)).row(
            f"first epoch row after the command starts: {name}", "s", "<= 1.1", what
        ),
    ]


def _documented(sizes: Sizes) -> list[dict[str, object]]:
    """The costs of a trial in Ray's other ways, beside ours; no goal."""
    num = sizes.num_documented
    ours = [sweep(space(24)).cost_ms(4, NUM_CORES)]
    rows = []
    for kind, name, note in (
        ("reuse_actors", "bare Tune, reuse_actors, its defaults", "loggers on"),
        ("function", "Tune function trainable", "a process a trial"),
        ("train_peer", "Tune + TorchTrainer, as documented", "EXTRAPOLATED"),
    ):
        defaults = ["--defaults"] if "defaults" in name else []
        count = 24 if kind == "reuse_actors" else num
        run = peer(kind, count, *defaults)
        rows.append(
            Pairs(tuple(ours), (run.cost_ms(NUM_CORES, NUM_CORES),), 0).row(
                f"a further short trial beyond its training: {name}",
                "ms",
                "",
                f"{note}, {count} trials, once",
            )
        )
    return rows


def _two_workers(sizes: Sizes) -> list[dict[str, object]]:
    num, num_slots = sizes.num_group_trials, max(1, NUM_CORES // 2)
    group = ["--workers-per-trial", "2"]
    runs, num_disturbed = run_pairs(
        partial(sweep, space(num), *group),
        partial(peer, "reuse_actors", num),
        sizes.num_group_pairs,
        num_spare=1,
    )
    first_rows = Pairs(
        tuple(run.first_row_s for run, _ in runs),
        tuple(run.first_row_s for _, run in runs),
        num_disturbed,
    )
    documented = peer("train_peer", 2, "--workers", "2")
    costs = tuple(run.cost_ms(max(2, num // 5), num_slots) for run, _ in runs)
    peers = (documented.cost_ms(1, num_slots),) * len(costs)
    return [
        Pairs(costs, peers, num_disturbed).row(
            "a further short trial, two workers: Tune + TorchTrainer, two workers",
            "ms",
            "ours <= 100",
            f"{num_slots} slot(s); ours {num} trials, peer EXTRAPOLATED from 2",
        ),
        first_rows.row(
            "first epoch row, a group of two workers: bare Tune, one worker",
            "s",
            "<= 2",
            "the group's processes and process group included",
        ),
    ]


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
