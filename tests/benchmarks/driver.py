"""What the driver of a sweep can take: results a second, and milliseconds a trial.

Nobody trains: workers report numbers at once. Ours is the whole driver (proposals,
ledger, tables, progress on a pipe, Tune); the peer is bare Tune with `reuse_actors`, no
loggers, and a class `Trainable` that returns the same numbers. Both in one process and
one cluster, in turn; the clock runs from the first result to the last.

Trials of one epoch show whether the driver gets slower as they grow in number: the time
that a trial takes around the last one, ÷ around the 1,000th.

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


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_pairs: int
    num_trials: int
    epochs: int
    num_short_trials: int


FULL = Sizes(10, 20, 100, 10_000)
QUICK = Sizes(1, 4, 20, 400)


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
    num_results = sizes.num_trials * sizes.epochs
    pairs = measure_pairs(
        lambda: num_results / _span(_our_moments(sizes.num_trials, sizes.epochs)),
        lambda: num_results / _span(_peer_moments(sizes.num_trials, sizes.epochs)),
        sizes.num_pairs,
    )
    return pairs.row(
        "results a second that the driver takes: bare Tune, reuse_actors",
        "results/s",
        ">= 0.9",
        f"{sizes.num_trials} trials of {sizes.epochs} epochs, nobody trains",
    )


def _growth(sizes: Sizes) -> dict[str, object]:
    ends = _our_moments(sizes.num_short_trials, 1)
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


def _span(moments: Sequence[float]) -> float:
    return moments[-1] - moments[0]


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


def _our_moments(num_trials: int, epochs: int) -> list[float]:
    """When each result (of many epochs) or each end (of one) was booked."""
    moments: list[float] = []
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        space = Path(folder, "space.py")
        base = {"model.name": "mlp", "train.epochs": epochs}
        text = f"SPACE = Ablation(base={base}, axes={AXES}, seeds={num_trials})"
        space.write_text(f"from raypg import Ablation\n\n{text}\n")
        options = Options(store=str(Path(folder, "runs")))
        with contextlib.redirect_stderr(io.StringIO()), _noted(moments, epochs):
            start_sweep(str(space), [], options)
    return moments


@contextlib.contextmanager
def _noted(moments: list[float], epochs: int) -> Iterator[None]:
    """Note the moment of each report, or of each end where a trial has one report."""
    from raypg.ledger import Ledger

    name = "report" if epochs > 1 else "end"
    book = getattr(Ledger, name)

    def noted(*arguments: Any, **options: Any) -> None:  # noqa: ANN401
        book(*arguments, **options)
        moments.append(time.time())

    with mock.patch.object(Ledger, name, noted):
        yield


class BareTrainable(tune.Trainable):  # type: ignore[misc]
    def step(self) -> dict[str, Any]:
        is_last = self.iteration + 1 == self.config["epochs"]
        return {**METRICS, "time": time.time(), "done": is_last}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True


class _Watch(tune.Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_trial_result(self, **info: object) -> None:
        self.moments.append(time.time())


def _peer_moments(num_trials: int, epochs: int) -> list[float]:
    watch = _Watch()
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        tune.Tuner(
            BareTrainable,
            param_space={
                "seed": tune.grid_search(list(range(num_trials))),
                "epochs": epochs,
            },
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=folder,
                callbacks=[watch],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                verbose=0,
            ),
        ).fit()
    return watch.moments


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
