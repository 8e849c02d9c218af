"""One line a sweep: what it is, how far it is, and the best of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from raypg.errors import ResultsError
from raypg.results.digest import Digest, keep_digest, moment, read_digest
from raypg.results.parts import say_once
from raypg.results.read import read_each
from raypg.store import Store

DEFAULT_METRIC = "val.accuracy"

PROGRAMS = {"trial": "train", "path": "results"}
"""Which module a kind of sweep is started by; all others by `tune`."""


def mode_of(about: Mapping[str, Any], metric: str) -> str:
    """Which end of a metric is the good one: `max` or `min`.

    Args:
        about: the description of the sweep that the metric is judged in.
        metric: its name, by which it is guessed where it is not the sweep's own.
    """
    own = about.get("mode") if metric == about.get("metric", DEFAULT_METRIC) else None
    return str(own or ("min" if metric.endswith(("loss", "error")) else "max"))


@dataclass(frozen=True)
class SweepLine:
    """A sweep in `ls`. A missing number is None."""

    sweep: str
    kind: str
    """`ablation` or `search`, or what its description says."""
    state: str
    """`running` while a process writes it, else `ended`; `?` for a while in a bucket,
    where the process was killed or the clocks differ."""
    started: datetime | None
    seconds: float | None
    """From the first trial's start to the last one's end."""
    planned: int | None
    """How many trials it was to have."""
    trials: int
    """How many it has, so far."""
    completed: int
    cached: int
    stopped: int
    failed: int
    unfinished: int
    """Running, or interrupted."""
    metric: str
    best: float | None
    """The best value of the metric among completed and cached trials."""


def read_lines(store: Store) -> list[SweepLine]:
    """All sweeps of a store, the oldest first; what is none any more is said."""
    found = read_each(store.sweeps(), lambda name: _line_or_none(store, name))
    lines = [line for line in found if line is not None]
    return sorted(lines, key=lambda line: (str(line.started or "9"), line.sweep))


def read_line(store: Store, sweep: str) -> SweepLine:
    """One sweep."""
    about = store.read_description(sweep)
    digest = read_digest(store, sweep, *_judged_by(about))
    counts = Counter(digest.statuses)
    known = ("completed", "cached", "stopped", "failed")
    return SweepLine(
        sweep=sweep,
        kind=about.get("kind", "?"),
        state={None: "?", True: "running", False: "ended"}[
            store.is_being_written(sweep)
        ],
        started=digest.started or moment(about.get("started")),
        seconds=None if counts["running"] else _seconds(digest),
        planned=about.get("num_trials"),
        trials=counts.total(),
        completed=counts["completed"],
        cached=counts["cached"],
        stopped=counts["stopped"],
        failed=counts["failed"],
        unfinished=counts.total() - sum(counts[status] for status in known),
        metric=digest.metric,
        best=digest.best,
    )


def _line_or_none(store: Store, sweep: str) -> SweepLine | None:
    try:
        return read_line(store, sweep)
    except ResultsError as fault:
        say_once(str(fault))
        return None


def keep_line(store: Store, sweep: str) -> None:
    """Keep what the line of a sweep needs of its table, at the end of its writer."""
    keep_digest(store, sweep, *_judged_by(store.read_description(sweep)))


def _judged_by(about: Mapping[str, Any]) -> tuple[str, str]:
    return about.get("metric", DEFAULT_METRIC), about.get("mode", "max")


def _seconds(digest: Digest) -> float | None:
    """From its start to its end; None where a clock went backwards."""
    if digest.started is None or digest.finished is None:
        return None
    seconds = (digest.finished - digest.started).total_seconds()
    return seconds if seconds >= 0 else None
