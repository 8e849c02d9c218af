"""A sweep as its tables have it, read once for whatever it is exported to."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from raypg.results.columns import LEFT
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.query import Results

_KEYS = ("sweep", "trial", "attempt", "epoch", "time")
"""Columns of `epochs` that are no measurement."""


@dataclass(frozen=True)
class SweepRows:
    """The trials of a sweep that count, and their epochs.

    Attributes:
        sweep: its name.
        about: what it is, as it was kept when it started.
        trials: in the order they were proposed.
        epochs: of each trial, in order; a cached one has those of its source.
    """

    sweep: str
    about: Mapping[str, Any]
    trials: Sequence[FlatRow]
    epochs: Mapping[str, Sequence[FlatRow]]

    @property
    def metric(self) -> str:
        """What the sweep's trials are judged by."""
        return str(self.about.get("metric", DEFAULT_METRIC))

    @property
    def mode(self) -> str:
        """Which end of the metric is the good one: `max` or `min`."""
        return str(self.about.get("mode", "max"))

    def epochs_of(self, row: FlatRow) -> Sequence[FlatRow]:
        """The epochs of a trial; none where it failed before its first one ended."""
        return self.epochs.get(row["trial"], ())


def read_sweep(results: Results, sweep: str) -> SweepRows:
    """Everything of a sweep but its predictions and what belongs to the test split.

    Raises:
        ResultsError: there is no such sweep.
    """
    about = results.sweep_description(sweep)
    trials = [row for row in results.trials(sweep) if row["status"] not in LEFT]
    epochs: dict[str, list[FlatRow]] = {}
    for row in results.epochs(sweep) if trials else ():
        epochs.setdefault(row["trial"], []).append(row)
    return SweepRows(sweep, about, trials, epochs)


def metrics_of(epoch: FlatRow) -> dict[str, float]:
    """What was measured in an epoch, by dotted name."""
    return {
        name: value
        for name, value in epoch.items()
        if name not in _KEYS and isinstance(value, int | float)
    }


def seconds_of(moment: datetime | None) -> float | None:
    """A column of type time in seconds since 1970."""
    return None if moment is None else moment.timestamp()


def trial_folder(row: FlatRow) -> str:
    """A folder for one trial: its place, arm and seed to read, its id to be unique."""
    arm = re.sub(r"[^\w.=+-]+", "_", str(row["arm"] or "trial"))[:80]
    seed = "" if row["seed"] is None else f"_seed={row['seed']}"
    return f"{row['number'] or 0:04d}_{arm}{seed}_{row['trial'][:8]}"
