"""What ASHA costs and what it loses, played on recorded learning curves.

The table holds the validation accuracy of 256 small networks on digits, epoch by epoch.
A sweep of 64 of them is played on it: draws from our search, decisions from Ray's ASHA
under our space's parameters, two trials at a time, all epochs of one length. It is a
simulation, exact for this table: nothing is trained.

    python -m tests.benchmarks.asha_simulation            # play
    python -m tests.benchmarks.asha_simulation --record   # train the table anew
"""

import contextlib
import json
import random
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from raypg import ASHA, Search, choice
from raypg.experiment import SpaceFile, Trial, build_proposals

TABLE = Path(__file__).with_name("learning_curves.json")
SCHEDULER = ASHA(max_epochs=27, grace_epochs=1, reduction_factor=3)
NUM_TRIALS, NUM_ORDERS, NUM_SLOTS = 64, 20, 2
AXES = {
    "optimizer.lr": choice(*(round(1e-4 * 10 ** (i / 3.75), 6) for i in range(16))),
    "optimizer.weight_decay": choice(1e-5, 1e-4, 1e-3, 1e-2),
    "model.hidden": choice(8, 16, 32, 64),
}

Curves = Mapping[str, Sequence[float]]
"""The metric of each epoch, by the arm's label."""


class StandIn(NamedTuple):
    """As much of a Tune trial as ASHA looks at."""

    trial_id: str


@dataclass
class Played:
    """One simulated sweep."""

    num_epochs: int = 0
    drawn: list[float] = field(default_factory=list)
    """What each trial would have had at its end."""
    finished: list[float] = field(default_factory=list)
    """What those had that ASHA let come there."""

    @property
    def share(self) -> float:
        """Epochs trained, of those that training every trial to its end takes."""
        return self.num_epochs / (len(self.drawn) * SCHEDULER.max_epochs)

    @property
    def regret(self) -> float:
        """What the best of the full grid has over the best that ASHA finished."""
        return max(self.drawn) - max(self.finished)


def ideal_share(asha: ASHA) -> float:
    """What synchronous halving with as many rungs costs of the full grid."""
    num_rungs, eta = len(asha.rungs()), asha.reduction_factor
    return float((1 + num_rungs * (1 - 1 / eta)) / eta**num_rungs)


def build_search(sampler: Literal["random", "tpe"], seed: int) -> Search:
    """The search that is played."""
    return Search(
        base={"model.name": "mlp", "model.num_layers": 1},
        axes=AXES,
        trials=NUM_TRIALS,
        sampler=sampler,
        seed=seed,
        scheduler=SCHEDULER,
    )


def play(search: Search, curves: Curves) -> Played:
    """Run one search on the table, `NUM_SLOTS` trials at a time."""
    file = SpaceFile(__file__, "asha_simulation", "", "", search)
    proposals = build_proposals(file, [], device="cpu", num_workers=1)
    scheduler = AsyncHyperBandScheduler(
        time_attr="epoch",
        metric=search.metric,
        mode=search.mode,
        max_t=SCHEDULER.max_epochs,
        grace_period=SCHEDULER.grace_epochs,
        reduction_factor=SCHEDULER.reduction_factor,
    )
    played = Played()
    slots: list[tuple[Trial, int]] = []
    while True:
        while len(slots) < NUM_SLOTS and (trial := proposals.propose()) is not None:
            scheduler.on_trial_add(None, StandIn(trial.key))
            played.drawn.append(curves[trial.arm][-1])
            slots.append((trial, 0))
        if not slots:
            return played
        # The slots take turns: an epoch of each, and a decision after each.
        trial, epoch = slots.pop(0)
        epoch, value = epoch + 1, curves[trial.arm][epoch]
        played.num_epochs += 1
        proposals.observe(trial.key, epoch, value)
        result = {"epoch": epoch, search.metric: value}
        decision = scheduler.on_trial_result(None, StandIn(trial.key), result)
        if decision == TrialScheduler.CONTINUE:
            slots.append((trial, epoch))
            continue
        is_whole = epoch == SCHEDULER.max_epochs
        scheduler.on_trial_complete(None, StandIn(trial.key), result)
        proposals.finish(trial.key, "completed" if is_whole else "stopped", value)
        played.finished += [value] if is_whole else []


def median_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and its bootstrapped 95 % interval."""
    rng = random.Random(0)
    medians = sorted(
        statistics.median(rng.choices(values, k=len(values))) for _ in range(2000)
    )
    return statistics.median(values), medians[49], medians[1949]


def measure(num_orders: int = NUM_ORDERS) -> dict[str, tuple[float, float, float]]:
    """Median and interval of cost and regret, by sampler."""
    curves: Curves = json.loads(TABLE.read_text("utf-8"))["curves"]
    found = {}
    samplers: tuple[Literal["random", "tpe"], ...] = ("random", "tpe")
    for sampler in samplers:
        plays = [
            play(build_search(sampler, seed), curves) for seed in range(num_orders)
        ]
        ratios = [played.share / ideal_share(SCHEDULER) for played in plays]
        found[f"{sampler}: epochs / ideal"] = median_interval(ratios)
        regrets = [played.regret for played in plays]
        found[f"{sampler}: regret"] = median_interval(regrets)
        best = max(curve[-1] for curve in curves.values())
        missed = [best - max(played.finished) for played in plays]
        found[f"{sampler}: regret against the table"] = median_interval(missed)
    return found


def record() -> None:
    """Train every config of the table, some minutes on one core."""
    import torch

    from raypg.config import Layer, load
    from raypg.data import load_dataset
    from raypg.errors import TrialError
    from raypg.space import label_values
    from raypg.training.loop import train
    from raypg.training.world import alone

    search = build_search("random", 0)
    curves = {}
    for corner in search.corners():
        leaves = {**search.base, **corner, "train.epochs": SCHEDULER.max_epochs}
        config = load([Layer("the table", leaves)])
        link = _Recorder()
        with contextlib.suppress(TrialError):  # a loss that is not finite
            train(config, load_dataset(config.data), alone(), link)
        chance = [0.1] * (SCHEDULER.max_epochs - len(link.values))
        curves[label_values(corner)] = link.values + chance
    about = f"val.accuracy on digits, raypg.training, torch {torch.__version__}, CPU"
    TABLE.write_text(json.dumps({"about": about, "curves": curves}), "utf-8")


class _Recorder:
    """Keeps the metric of every epoch."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def report(
        self, epoch: int, metrics: Mapping[str, float], snapshot: Callable[[], object]
    ) -> None:
        self.values.append(round(metrics["val.accuracy"], 4))

    def describe(self, columns: Mapping[str, object]) -> None:
        """Nothing."""

    def should_stop(self) -> bool:
        return False

    def beat(self) -> None:
        """Nothing."""

    def rest(self) -> None:
        """Nothing."""


if __name__ == "__main__":
    if "--record" in sys.argv:
        record()
    for name, (median, low, high) in measure().items():
        print(f"{name:36} {median:.4f}  [{low:.4f}, {high:.4f}]")
