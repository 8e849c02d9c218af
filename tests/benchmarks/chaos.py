"""A sweep whose processes and nodes are killed every few seconds, by a seed.

64 trials on three nodes (raylets on this machine; a node that is lost is replaced at
once), first in peace and then under the monkey. The tables of both are compared row by
row: every epoch of every trial once, all numbers bitwise the same, predictions and test
results included. With groups, where two workers add up in an order of their own, the
epochs alone.

Seconds lost are told in two ways: of the whole sweep, by its wall time against the calm
run's; and of the trials that were struck, from the fault until they were further than
before it. Their slots lose that, the other slots go on.

    python -m tests.benchmarks.chaos [--seed N] [--trials N] [--groups] [--every S]
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from raypg.cluster.prepare import Options
from raypg.cluster.recorder import Recorder
from raypg.cluster.sweep import start_sweep
from raypg.ledger import Ledger
from raypg.results import open_results
from tests.benchmarks.goals import lone_row
from tests.benchmarks.monkey import NODE, Fault, Monkey
from tests.benchmarks.nodes import Nodes, cluster_of
from tests.benchmarks.pairs import Pairs
from tests.numbers import everything

NUM_NODES, CPUS_A_NODE = 3, 2
Losses = dict[str, dict[int, float]]
"""By trial and epoch."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run, and what is done to it."""

    name: str
    num_trials: int
    num_epochs: int = 12
    kinds: Sequence[str] = ("trial actor", NODE)
    workers_per_trial: int = 1
    every_s: float = 5.0
    seed: int = 0
    limit: int = 1000


FULL = Plan(name="64 trials", num_trials=64)
QUICK = Plan(name="8 trials", num_trials=8, every_s=4.0, limit=3)
GROUPS = Plan(
    name="groups of two",
    num_trials=12,
    kinds=("worker", "trial actor", "Train controller", "mailbox", NODE),
    workers_per_trial=2,
    every_s=12.0,
)


@dataclass
class Watch:
    """What the driver of a sweep booked, and when."""

    wall_s: float = 0.0
    said: str = ""
    exit_code: int = 0
    epochs: list[tuple[float, str, int]] = field(default_factory=list)
    """Moment, trial, epoch: as they came, the repeated ones too."""
    deaths: list[tuple[float, str]] = field(default_factory=list)
    """Moment and trial."""
    losses: Losses = field(default_factory=dict)
    num_rows: int = 0
    everything: str = ""
    """A digest of the numbers in all tables."""

    @property
    def num_again(self) -> int:
        """Epochs that were trained again."""
        return len(self.epochs) - len({row[1:] for row in self.epochs})


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    return measure_plan(QUICK if quick else FULL)


def measure_plan(plan: Plan) -> list[dict[str, object]]:
    """The calm run, the same under the monkey, and what came of it."""
    with cluster_of(NUM_NODES, CPUS_A_NODE) as nodes:
        calm = _run(plan, nodes, None)
        monkey = Monkey(nodes, plan.kinds, plan.every_s, plan.seed, plan.limit)
        struck = _run(plan, nodes, monkey)
    kinds = Counter(fault.kind for fault in monkey.faults)
    wrong = _wrong_rows(calm, struck, is_bitwise=plan.workers_per_trial == 1)
    outages = _outages(struck, monkey.faults)
    num = len(monkey.faults)
    lost_s = (struck.wall_s - calm.wall_s) / max(1, num)
    rows = [
        Pairs((struck.wall_s,), (calm.wall_s,), 0).row(
            f"{plan.name}, wall time under chaos: in peace",
            "s",
            "",
            f"{num} faults (seed {plan.seed}), {lost_s:.1f} s each; "
            f"{struck.num_again} epochs trained again of {len(struck.epochs)}",
        ),
        *(
            lone_row(f"{plan.name}: rows {what}", number, "rows", goal="ours <= 0 rows")
            for what, number in wrong.items()
        ),
    ]
    rows.append(
        lone_row(f"{plan.name}: exit code", struck.exit_code, "", goal="ours <= 0")
    )
    if plan.workers_per_trial == 1:
        differs = float(calm.everything != struck.everything)
        what = "tables that differ, predictions and test results included"
        rows.append(lone_row(f"{plan.name}: {what}", differs, "", goal="ours <= 0"))
    for kind in plan.kinds:
        seconds = outages.get(kind, [])
        note = f"{kinds[kind]} killed, {len(seconds)} trials struck"
        middle = median(seconds) if seconds else 0.0
        rows.append(
            lone_row(
                f"{plan.name}: a {kind} killed, until it is further",
                middle,
                "s",
                note=note,
            )
        )
    if struck.exit_code:
        print(struck.said, file=sys.stderr)
    return rows


def _run(plan: Plan, nodes: Nodes, monkey: Monkey | None) -> Watch:
    """One sweep in a store of its own; the monkey comes with the first epoch."""
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        space = Path(folder, "space.py")
        base = {
            "model.name": "densenet",
            "model.depth": 10,
            "model.growth_rate": 4,
            "train.epochs": plan.num_epochs,
            "data.fraction": 0.5,
        }
        text = f"SPACE = Ablation(base={base}, axes={{'optimizer.lr': [0.05, 0.1]}},"
        text += f" seeds={plan.num_trials // 2})"
        space.write_text(f"from raypg import Ablation\n\n{text}\n")
        options = Options(
            store=str(Path(folder, "runs")),
            address=nodes.address,
            workers_per_trial=plan.workers_per_trial,
            checkpoint_every_s=1.0,
        )
        started = time.time()
        said = io.StringIO()
        with contextlib.redirect_stderr(said), _watched(watch, monkey):
            try:
                finished = start_sweep(str(space), [], options)
            finally:
                if monkey:
                    monkey.stop()
        watch.wall_s = time.time() - started
        watch.said, watch.exit_code = said.getvalue(), finished.exit_code
        watch.losses, watch.num_rows = _losses(options.store)
        watch.everything = everything(open_results(options.store))
    return watch


@contextlib.contextmanager
def _watched(watch: Watch, monkey: Monkey | None) -> Iterator[None]:
    """Note what is booked; the monkey may begin with the first epoch."""
    report, judge = Ledger.report, Recorder.may_go_on

    def reported(self: Ledger, entry: Any, epoch: int, *more: Any) -> None:  # noqa: ANN401
        report(self, entry, epoch, *more)
        watch.epochs.append((time.time(), entry.trial.key, epoch))
        if monkey:
            monkey.start()

    def judged(self: Recorder, trial: Any, error: Exception) -> bool:  # noqa: ANN401
        key = self._searcher.live[trial.trial_id].trial.key
        watch.deaths.append((time.time(), key))
        return judge(self, trial, error)

    with (
        mock.patch.object(Ledger, "report", reported),
        mock.patch.object(Recorder, "may_go_on", judged),
    ):
        yield


def _losses(store: str) -> tuple[Losses, int]:
    found: Losses = defaultdict(dict)
    rows = open_results(store).epochs("space")
    for row in rows:
        found[row["trial"]][row["epoch"]] = row["val.loss"]
    return dict(found), len(rows)


def _wrong_rows(calm: Watch, struck: Watch, *, is_bitwise: bool) -> Mapping[str, int]:
    """How many rows the struck run's table lacks, has twice, or has otherwise."""
    expected = {(t, e): x for t, rows in calm.losses.items() for e, x in rows.items()}
    found = {(t, e): x for t, rows in struck.losses.items() for e, x in rows.items()}
    wrong = {
        "lost": len(expected.keys() - found.keys()),
        "doubled or strange": struck.num_rows - len(expected.keys() & found.keys()),
    }
    if is_bitwise:
        both = expected.keys() & found.keys()
        wrong["not bitwise equal"] = sum(expected[key] != found[key] for key in both)
    return wrong


def _outages(watch: Watch, faults: Sequence[Fault]) -> Mapping[str, list[float]]:
    """By kind, seconds from a fault until a trial that it struck was further.

    A trial was struck where its actor died or an epoch came again; by the last fault
    before that.
    """
    outages: dict[str, list[float]] = defaultdict(list)
    farthest: dict[str, int] = defaultdict(int)
    struck: dict[str, Fault] = {}
    events = [(*row, False) for row in watch.epochs]
    events += [(moment, trial, 0, True) for moment, trial in watch.deaths]
    for moment, trial, epoch, is_death in sorted(events):
        if epoch > farthest[trial] and not is_death:
            farthest[trial] = epoch
            if fault := struck.pop(trial, None):
                outages[fault.kind].append(moment - fault.at)
        elif before := [fault for fault in faults if fault.at <= moment]:
            struck.setdefault(trial, before[-1])
    return outages


def main() -> None:
    """Run one plan, by itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.chaos")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--every", type=float, help="seconds between two faults")
    parser.add_argument("--groups", action="store_true", help="two workers a trial")
    options = parser.parse_args()
    plan = GROUPS if options.groups else FULL
    fields = {**vars(plan), "seed": options.seed}
    fields |= {"num_trials": options.trials} if options.trials else {}
    fields |= {"every_s": options.every} if options.every else {}
    for line in measure_plan(Plan(**fields)):
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()
