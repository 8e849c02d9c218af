"""What the driver of a sweep can take: results a second, and milliseconds a trial.

Nobody trains: workers report numbers at once. Ours is the whole driver (proposals,
ledger, tables, progress on a pipe, Tune); the peer is bare Tune with `reuse_actors`, no
loggers, and a class `Trainable` that returns the same numbers. Both in one process and
one cluster, in turn; the clock runs while both slots report, and notes each result when
Tune's controller is done with it. Trials last longer than the start of a process, as
bare Tune else may never start the second one (see `SweepController`).

Trials of one epoch show whether the driver gets slower as they grow in number: the time
that a trial takes around the last one, ÷ around the 1,000th.

A profile of a result (cProfile, one run of 8,000 results on two slots of two EPYC
cores, Ray 2.60, Python 3.11; it slows all down): 0.61 ms, of which 0.11 wait for an
actor, 0.06 send its next call, 0.3 are Python of Tune's and 0.03 ours. Bare Tune has
0.54 ms. What is left out of its part: its question to the searcher at every step (0.03
ms), its look for files to write (0.05), its statistics of each number (3 to 4 µs a
number). Of ours, the largest is the flush of the tables in its thread: 6 % of a core.

    python -m tests.benchmarks.driver
"""

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from ray import tune
from ray.tune.execution.tune_controller import TuneController

from raypg.cluster import trainable as ours
from raypg.cluster.connect import Need, connect, disconnect
from raypg.cluster.messages import Assignment, Ended, Message, Report
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import start_sweep
from tests.benchmarks.machine import noting
from tests.benchmarks.pairs import Pairs, measure_pairs

METRICS = {
    "epoch_s": 1.0,
    "images_per_s": 1.0,
    "lr": 0.1,
    "train.loss": 0.5,
    "train.accuracy": 0.8,
    "val.loss": 0.5,
    "val.accuracy": 0.8,
}
AXES = {"optimizer.lr": [0.1]}
BLOCK = 100
"""Trials whose pace is one measurement."""

Moment = tuple[float, int]
"""When a result was dealt with, and the process that it came from."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_pairs: int
    num_trials: int
    epochs: int
    num_short_trials: int


FULL = Sizes(6, 4, 2_000, 10_000)
QUICK = Sizes(1, 4, 500, 400)


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    connect()
    try:
        with noting(), mock.patch.object(ours, "build_trainable", build_idle):
            return [_results(sizes), _growth(sizes)]
    finally:
        disconnect()


def _results(sizes: Sizes) -> dict[str, object]:
    pairs = measure_pairs(
        lambda: _pace(_our_moments(sizes.num_trials, sizes.epochs)),
        lambda: _pace(_peer_moments(sizes.num_trials, sizes.epochs)),
        sizes.num_pairs,
    )
    return pairs.row(
        "results a second that the driver takes: bare Tune, reuse_actors",
        "results/s",
        ">= 0.9",
        f"{sizes.num_trials} trials of {sizes.epochs} epochs, nobody trains",
    )


def _growth(sizes: Sizes) -> dict[str, object]:
    ends = [moment for moment, _ in _our_moments(sizes.num_short_trials, 1)]
    pace = [
        1000 * (ends[start + BLOCK - 1] - ends[start]) / (BLOCK - 1)
        for start in range(0, len(ends) - BLOCK + 1, BLOCK)
    ]
    early_at = min(len(pace) // 2, 1_000 // BLOCK)
    num = max(1, min(early_at, 6))
    early, late = pace[early_at - num // 2 :][:num], pace[-num:]
    return Pairs(tuple(late), tuple(early), 0).row(
        f"ms a trial of the driver, at {len(ends):,} trials: at {early_at * BLOCK:,}",
        "ms",
        "<= 1.1",
        f"one sweep of {len(ends):,} trials, blocks of {BLOCK}, nobody trains;"
        f" median {median(pace):.1f} ms",
    )


def _pace(moments: Sequence[Moment]) -> float:
    """Results a second while as many processes report as ever do."""
    firsts = {pid: moment for moment, pid in reversed(moments)}
    lasts = {pid: moment for moment, pid in moments}
    begin, end = max(firsts.values()), min(lasts.values())
    assert begin < end, "no two slots at once"
    return sum(begin < moment <= end for moment, _ in moments) / (end - begin)


class IdleWorkers:
    """Workers that report without training: the mailbox they share is themselves."""

    def __init__(self) -> None:
        self.mailbox = self
        self._messages: Iterator[Message] = iter(())

    def assign(self, assignment: Assignment, state: bytes | None) -> int:
        self._messages = self._train(assignment.num_epochs)
        return 0

    def next_message(self, timeout_s: float) -> Message | None:
        return next(self._messages)

    def stop(self) -> None:
        """Nothing is under way."""

    def want_states(self) -> None:
        """There is no state."""

    def nodes(self) -> set[str]:
        return set()

    def failure(self) -> BaseException | None:
        return None

    def close(self) -> None:
        """Nothing to end."""

    def _train(self, num_epochs: int) -> Iterator[Message]:
        for epoch in range(1, num_epochs + 1):
            metrics = {**METRICS, "time": time.time()}
            yield Report(number=0, incarnation=0, epoch=epoch, metrics=metrics)
        yield Ended(number=0, status="completed")


class IdleTrainable(ours.WarmTrainable):
    def build_workers(self, assignment: Assignment) -> ours.Workers:
        return IdleWorkers()


def build_idle(need: Need, *, uses_group: bool) -> object:
    return tune.with_resources(IdleTrainable, need.per_worker)


def _our_moments(num_trials: int, epochs: int) -> list[Moment]:
    with (
        tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder,
        _noted() as noted,
    ):
        space = Path(folder, "space.py")
        base = {"model.name": "mlp", "train.epochs": epochs}
        text = f"SPACE = Ablation(base={base}, axes={AXES}, seeds={num_trials})"
        space.write_text(f"from raypg import Ablation\n\n{text}\n")
        options = Options(store=str(Path(folder, "runs")))
        with contextlib.redirect_stderr(io.StringIO()):
            start_sweep(str(space), [], options)
    return noted


@contextlib.contextmanager
def _noted() -> Iterator[list[Moment]]:
    """When a driver, ours or Tune's, was done with each result, and whose it was."""
    moments: list[Moment] = []
    book = TuneController._on_training_result

    def noted(controller: object, trial: object, result: dict[str, Any]) -> None:
        book(controller, trial, result)
        moments.append((time.time(), result["pid"]))

    with mock.patch.object(TuneController, "_on_training_result", noted):
        yield moments


class BareTrainable(tune.Trainable):  # type: ignore[misc]
    def step(self) -> dict[str, Any]:
        is_last = self.iteration + 1 == self.config["epochs"]
        return {**METRICS, "time": time.time(), "done": is_last}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True


def _peer_moments(num_trials: int, epochs: int) -> list[Moment]:
    with (
        tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder,
        _noted() as noted,
    ):
        tune.Tuner(
            BareTrainable,
            param_space={
                "seed": tune.grid_search(list(range(num_trials))),
                "epochs": epochs,
            },
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=folder,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()
    return noted


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
