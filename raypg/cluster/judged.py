"""What the judge of a sweep is told of its earlier sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from raypg.checkpoints import saved_epoch
from raypg.cluster.past import Before, drawn_values
from raypg.cluster.prepare import Question
from raypg.experiment import Judge, Seen, build_judge
from raypg.results import open_results
from raypg.space import PBT
from raypg.store import Store

_NO_METRICS = ("sweep", "trial", "attempt", "epoch", "copied_from")
_JUDGED = ("completed", "stopped", "failed")
"""Of trials that are over; a cached one was never under way here."""


@dataclass(frozen=True)
class Judged:
    """A judge with its past.

    Attributes:
        judge: None where no trial of the sweep waits.
        histories: the metrics of trials that go on, by epoch up to their checkpoint.
    """

    judge: Judge | None = None
    histories: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)


def tell_judge(question: Question, store: Store, name: str, before: Before) -> Judged:
    """Build the judge of a sweep, and tell it what was.

    Args:
        question: what the sweep asks.
        store: where it lives.
        name: of the sweep.
        before: what earlier sessions left.
    """
    space = question.space_file.space
    judge = build_judge(space, question.proposals.num_trials)
    if judge is None or not before.presents:
        return Judged(judge)
    rows = open_results(store).epochs(name)
    by_trial = {t: list(own) for t, own in groupby(rows, lambda row: row["trial"])}
    axes = list(space.axes) if isinstance(question.scheduler, PBT) else []
    histories = {}
    for one in sorted(before.presents, key=lambda one: int(one.row["number"])):
        left = before.leftovers.get(one.key)
        if left is None and one.row["status"] not in _JUDGED:
            continue
        own = by_trial.get(one.row["trial"], [])
        seen = [
            Seen(row["epoch"], row[space.metric], {a: row[f"config.{a}"] for a in axes})
            for row in own
            if row[space.metric] is not None
        ]
        resumed = None
        if left is not None:
            resumed = saved_epoch(store, left.resume_from) if left.resume_from else 0
            histories[one.key] = _history(own, resumed)
        judge.replay(one.key, drawn_values(question, one.row), seen, resumed)
    return Judged(judge, histories)


def _history(
    rows: Sequence[Mapping[str, object]], num_epochs: int
) -> list[Mapping[str, float]]:
    """The first epochs' metrics, as a state remembers them; none where one is lost."""
    found: list[Mapping[str, float]] = []
    for epoch, row in enumerate(rows[:num_epochs], start=1):
        if row["epoch"] != epoch:
            return []
        found.append({n: _plain(v) for n, v in row.items() if _is_metric(n, v)})
    return found if len(found) == num_epochs else []


def _is_metric(name: str, value: object) -> bool:
    return value is not None and name not in _NO_METRICS and "config." not in name


def _plain(value: Any) -> float:  # noqa: ANN401 a number or a moment
    return value.timestamp() if isinstance(value, datetime) else float(value)
