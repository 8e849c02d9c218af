"""What another tool has left of a sweep, under the names of our tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

STATUSES = {
    "completed": "completed",
    "complete": "completed",
    "cached": "completed",
    "finished": "completed",
    "terminated": "completed",
    "stopped": "stopped",
    "pruned": "stopped",
    "failed": "failed",
    "fail": "failed",
    "error": "failed",
    "crashed": "failed",
    "interrupted": "interrupted",
    "running": "interrupted",
    "paused": "interrupted",
    "pending": "interrupted",
    "waiting": "interrupted",
    "killed": "interrupted",
}
"""What tools call the end of a trial, in small letters, to the statuses of the tables.
A trial that was under way when its tool wrote the file goes on no more."""


@dataclass(frozen=True)
class Asked:
    """What a person wants imported.

    Attributes:
        path: of the file or folder, or the URL of an Optuna storage.
        metric: what trials are judged by, as `--metric` has it; empty: the default.
        mode: `max` or `min`; empty: as the file says, or as the metric's name does.
        study: of an Optuna storage with several.
    """

    path: str
    metric: str = ""
    mode: str = ""
    study: str = ""

    @property
    def column(self) -> str:
        """The column of the tables that the metric is to have; empty: the default."""
        return self.metric.partition("=")[0]

    @property
    def own_metric(self) -> str:
        """What the file calls it."""
        column, _, own = self.metric.partition("=")
        return own or column

    def mode_of(self, column: str) -> str:
        """The mode that was asked for, or that the name of a metric stands for."""
        return self.mode or ("min" if column.endswith("loss") else "max")


@dataclass(frozen=True, kw_only=True)
class OldTrial:
    """A trial of another tool.

    Attributes:
        name: what it is called there.
        status: `completed`, `stopped`, `failed` or `interrupted`.
        config: its settings by dotted name, without `config.`.
        epochs: rows of `epochs`, in order.
        columns: of `trials`, as the file states them; the rest follows from the epochs.
        test: columns of `test_results`.
    """

    name: str
    status: str
    config: Row
    epochs: Sequence[Row] = ()
    columns: Row = field(default_factory=dict)
    test: Row = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OldSweep:
    """What a file holds.

    Attributes:
        source: where it is from, in a few words.
        metric: a column of `trials` and `epochs`.
        mode: `max` or `min`.
        trials: in their order.
        taken: each name of the file, and what it was taken as.
        notes: what else a person should know, a line each.
    """

    source: str
    metric: str
    mode: str
    trials: Sequence[OldTrial]
    taken: Mapping[str, str]
    notes: Sequence[str] = ()
