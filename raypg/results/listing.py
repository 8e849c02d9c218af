"""One line a sweep: what it is, how far it is, and the best of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT, TEXT
from raypg.results.read import read_each, read_newest
from raypg.results.schema import flatten
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
    return str(own or ("min" if metric.endswith("loss") else "max"))


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
    """All sweeps of a store, the oldest first."""
    lines = read_each(store.sweeps(), lambda name: read_line(store, name))
    return sorted(lines, key=lambda line: (str(line.started or "9"), line.sweep))


def read_line(store: Store, sweep: str) -> SweepLine:
    """One sweep."""
    about = store.read_description(sweep)
    metric, mode = about.get("metric", DEFAULT_METRIC), about.get("mode", "max")
    columns = ["status", "started", "finished", metric.split(".")[0]]
    rows = read_newest(store, sweep, "trials", columns)
    rows = rows.filter(pc.invert(pc.is_in(rows["status"], pa.array(LEFT))))
    counts = Counter(rows["status"].to_pylist())
    started, finished = (
        pc.min(rows["started"]).as_py(),
        pc.max(rows["finished"]).as_py(),
    )
    is_over = counts["running"] == 0 and started is not None and finished is not None
    known = ("completed", "cached", "stopped", "failed")
    return SweepLine(
        sweep=sweep,
        kind=about.get("kind", "?"),
        state={None: "?", True: "running", False: "ended"}[
            store.is_being_written(sweep)
        ],
        started=started or _moment(about.get("started")),
        seconds=_between(started, finished) if is_over else None,
        planned=about.get("num_trials"),
        trials=rows.num_rows,
        completed=counts["completed"],
        cached=counts["cached"],
        stopped=counts["stopped"],
        failed=counts["failed"],
        unfinished=rows.num_rows - sum(counts[status] for status in known),
        metric=metric,
        best=_best(rows, metric, mode),
    )


def _between(started: datetime, finished: datetime) -> float | None:
    """Seconds; None where a clock went backwards."""
    seconds = (finished - started).total_seconds()
    return seconds if seconds >= 0 else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _best(rows: pa.Table, metric: str, mode: str) -> float | None:
    ended = rows.filter(pc.is_in(rows["status"], pa.array(ENDED_WELL)))
    flat = flatten(ended)
    if metric not in flat.column_names:
        return None
    best = pc.max(flat[metric]) if mode == "max" else pc.min(flat[metric])
    return float(best.cast(TEXT).as_py()) if best.is_valid else None
