"""What each scheduler spends and what it misses, played on recorded learning curves.

The table and the draws are those of `asha_simulation`: 64 trials of 256 small networks
on digits, 27 epochs at most, two at a time. A simulation, exact for this table: nothing
is trained. A population is not among them, as its members change on their way.

    python -m tests.benchmarks.searching
"""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ray.tune.schedulers import TrialScheduler

from raypg import ASHA, Hyperband, MedianStopping, Search
from raypg.cluster.schedulers import build_scheduler
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.experiment import (
    Judge,
    SearchProposals,
    SpaceFile,
    Trial,
    build_judge,
    build_proposals,
)
from raypg.space import Scheduler
from tests.benchmarks.asha_simulation import (
    AXES,
    NUM_ORDERS,
    NUM_SLOTS,
    NUM_TRIALS,
    TABLE,
    Curves,
    median_interval,
)
from tests.cluster.test_mailbox import assignment

MOST = 27
RULES: dict[str, Scheduler | None] = {
    "none": None,
    "ASHA": ASHA(MOST),
    "ASHA, promotion": ASHA(MOST, promotion=True),
    "Hyperband": Hyperband(MOST),
    "median rule": MedianStopping(MOST, grace_epochs=3),
}
SAMPLERS = ("random", "tpe")


@dataclass(eq=False)
class StandIn:
    """As much of a Tune trial as a scheduler looks at."""

    trial_id: str
    config: dict[str, str]


@dataclass
class Sweep:
    """One search, played."""

    proposals: SearchProposals
    curves: Curves
    judge: Judge | None
    decide: Callable[[Trial, int, float], bool]
    """Whether a trial goes on after an epoch; its last one is told, too."""
    num_epochs: int = 0
    finished: list[float] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    is_closed: bool = False

    def run(self) -> "Sweep":
        """To its end, an epoch of each slot in turn."""
        self._fill()
        while self.slots:
            self._train(self.slots.pop(0))
            self._fill()
        return self

    def _fill(self) -> None:
        while len(self.slots) < NUM_SLOTS:
            if self._move():
                continue
            trial = self.proposals.propose()
            if trial is not None:
                self.trials[trial.key], self.epochs[trial.key] = trial, 0
                if self.judge is not None:
                    self.judge.enter(trial.key, trial.values)
                self.slots.append(trial.key)
            elif self.is_closed or self.judge is None:
                return
            else:
                self.judge.close()
                self.is_closed = True

    def _move(self) -> bool:
        moves = self.judge.moves() if self.judge else ()
        for move in moves:
            if move.goes_on:
                self.slots.append(move.key)
            else:
                self._end(move.key, "stopped")
        return bool(moves)

    def _train(self, key: str) -> None:
        trial, epoch = self.trials[key], self.epochs[key] + 1
        value = self.curves[trial.arm][epoch - 1]
        self.epochs[key] = epoch
        self.num_epochs += 1
        self.proposals.observe(key, epoch, value)
        goes_on = self.decide(trial, epoch, value)
        if epoch == MOST:
            self.finished.append(value)
            self._end(key, "completed")
            if self.judge:
                self.judge.leave(key)
        elif self.judge is not None:
            if not self.judge.report(key, epoch, value):
                self.slots.append(key)
        elif goes_on:
            self.slots.append(key)
        else:
            self._end(key, "stopped")

    def _end(self, key: str, status: str) -> None:
        value = self.curves[self.trials[key].arm][self.epochs[key] - 1]
        self.proposals.finish(key, status, value)


def play(rule: Scheduler | None, sampler: str, seed: int, curves: Curves) -> Sweep:
    """One search, by one order of draws."""
    search = Search(
        base={"model.name": "mlp", "model.num_layers": 1},
        axes=AXES,
        trials=NUM_TRIALS,
        sampler=sampler,  # type: ignore[arg-type]
        seed=seed,
        scheduler=rule,
    )
    file = SpaceFile(__file__, "searching", "", "", search)
    proposals = build_proposals(file, [], device="cpu", num_workers=1)
    assert isinstance(proposals, SearchProposals)
    judge = build_judge(search, NUM_TRIALS)
    scheduler: Any = build_scheduler(rule, search.metric, "max", {}, {}, reuses=True)
    known: dict[str, StandIn] = {}
    tuner = type("Tuner", (), {"_reuse_actors": True})()

    def decide(trial: Trial, epoch: int, value: float) -> bool:
        if judge is not None or rule is None:
            return True
        if trial.key not in known:
            text = assignment(trial.key).to_json()
            known[trial.key] = StandIn(trial.key, {"assignment": text})
            scheduler.on_trial_add(None, known[trial.key])
        own = known[trial.key]
        result = {EPOCH: epoch, REPORTED: [[search.metric, value]]}
        if epoch < MOST:
            told = scheduler.on_trial_result(None, own, result)
            if told == TrialScheduler.CONTINUE:
                return True
        scheduler.on_trial_complete(tuner, own, result)
        return False

    return Sweep(proposals, curves, judge, decide).run()


def measure(quick: bool = False) -> list[dict[str, object]]:
    """Epochs and regret by sampler and scheduler, medians with their intervals."""
    curves: Curves = json.loads(TABLE.read_text("utf-8"))["curves"]
    best = max(curve[-1] for curve in curves.values())
    rows: list[dict[str, object]] = []
    for sampler in SAMPLERS:
        for name, rule in RULES.items():
            num = 3 if quick else NUM_ORDERS
            sweeps = [play(rule, sampler, seed, curves) for seed in range(num)]
            missed = [best - max(one.finished, default=0.1) for one in sweeps]
            regret, low, high = median_interval(missed)
            rows.append(
                {
                    "draws": sampler,
                    "scheduler": name,
                    "epochs": statistics.median(one.num_epochs for one in sweeps),
                    "completed": statistics.median(len(o.finished) for o in sweeps),
                    "regret": regret,
                    "low": low,
                    "high": high,
                }
            )
    return rows


if __name__ == "__main__":
    print("SIMULATED on recorded learning curves; medians of 20 orders of draws")
    head = f"{'draws':8}{'scheduler':18}{'epochs':>8}{'completed':>11}   regret"
    print(head)
    for row in measure():
        span = f"{row['regret']:.4f}  [{row['low']:.4f}, {row['high']:.4f}]"
        start = f"{row['draws']:8}{row['scheduler']:18}{row['epochs']:8.0f}"
        print(f"{start}{row['completed']:11.0f}   {span}")
