"""A trial in the books of its sweep, and the rows that it becomes."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from raypg.config import Config, Layer, flatten, load
from raypg.errors import ConfigError
from raypg.experiment import Trial
from raypg.metrics import metric_mode
from raypg.results.columns import LEFT
from raypg.results.schema import config_leaves
from raypg.tracebacks import cut_traceback

Row = Mapping[str, Any]

SUMMARY_COLUMNS = (
    "num_epochs",
    "val.accuracy",
    "val.loss",
    "best_epoch",
    "best.val.accuracy",
    "best.val.loss",
    "num_parameters",
    "num_flops",
    "built_depth",
    "num_workers",
    "num_threads",
    "train_s",
    "node",
    "device",
    "processor",
    "checkpoint",
)
"""What a cached row copies from the row of the trial that it stands for."""

TRAINED_BY = (
    "git.commit",
    "git.dirty",
    "git.diff",
    "versions.python",
    "versions.raypg",
    "versions.torch",
    "versions.ray",
    "versions.cuda",
)
"""Likewise, also where it is null: what the present session has instead trained none
of it."""

RATED = ("val.", "best.val.")
"""Begin the names of what `train.metric` may be; the summary of a trial has all of
them, of its last epoch and of its best one."""


@dataclass
class Entry:
    """One trial in the books; the ledger alone changes it."""

    trial: Trial
    number: int
    """Its place in the order in which trials were handed out, from 0."""
    attempt: int
    """Counts the times that the trial was started, over all sessions, from 0; of one
    that another sweep has trained, there."""
    status: str = "running"
    reason: str = ""
    cause: str = ""
    """Of its failure; empty where it has not failed."""
    error: str = ""
    source_sweep: str = ""
    resume_from: str = ""
    epoch: int = 0
    known_epochs: set[int] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    """By epoch, of its newest attempt."""
    rated: dict[int, Mapping[str, float]] = field(default_factory=dict)
    """By epoch, what a best one is chosen by and remembered with."""
    started: float = 0.0
    """Its first attempt, in seconds since 1970; 0 before it."""
    finished: float = 0.0
    """Its end, in seconds since 1970; 0 before it."""
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def train_s(self) -> float:
        """Seconds of the epochs that it counts, each once: not of those it lost."""
        if "train_s" in self.columns:
            return float(self.columns["train_s"])
        return sum(self.seconds.get(past, 0.0) for past in range(1, self.epoch + 1))

    def note_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take in the newest epoch."""
        self.epoch, self.metrics = epoch, dict(metrics)
        self.seconds[epoch] = metrics.get("epoch_s", 0.0)
        self.rated[epoch] = {
            name: value for name, value in metrics.items() if name.startswith(RATED)
        }

    def best_columns(self) -> dict[str, Any]:
        """The epoch with the best `train.metric`, the earliest on ties; may be none."""
        metric = self.trial.config.train.metric
        mode = metric_mode(self.trial.config.train.metrics, metric)
        sign = -1 if mode == "min" else 1
        rated = {
            epoch: sign * self.rated[epoch][metric]
            for epoch in range(1, self.epoch + 1)
            if math.isfinite(self.rated.get(epoch, {}).get(metric, math.nan))
        }
        if not rated:
            return {}
        best = max(rated, key=rated.__getitem__)
        values = {f"best.{name}": value for name, value in self.rated[best].items()}
        return {"best_epoch": best, **values}


@dataclass(frozen=True)
class Leftover:
    """What earlier sessions of the same sweep left of a trial that did not end."""

    number: int
    attempt: int
    known_epochs: frozenset[int]
    resume_from: str
    """The folder of its last checkpoint that seems whole; empty where there is none."""
    micro_batch: int = 0
    """What it was trained with since it ran out of memory; 0: it did not."""
    started: float = 0.0
    """When its first attempt began, in seconds since 1970; 0 for not yet."""
    began_as: str = ""
    """The trial of the sweep that it was before; empty where it goes on as itself."""
    mixed: str = ""
    """What has changed since its first epochs were trained; empty for nothing."""

    @property
    def columns(self) -> dict[str, Any]:
        """Of `trials`, that say so."""
        named = {
            "micro_batch": self.micro_batch,
            "began_as": self.began_as,
            "mixed": self.mixed,
        }
        return {name: value for name, value in named.items() if value}


def left_row(row: Row, trial: str) -> Row:
    """The row of a trial once it has gone on as another, which counts in its place.

    Args:
        row: as it was.
        trial: the other's fingerprint.
    """
    extended, replaced = LEFT
    status = extended if row["status"] == "completed" else replaced
    return {**row, "status": status, "status_reason": f"went on as {trial}"}


def cached_entry(trial: Trial, number: int, row: Row) -> Entry:
    """A trial with the results of another sweep's.

    Args:
        trial: of this sweep.
        number: its place in the order.
        row: of `trials`, completed, under the same fingerprint.
    """
    rated = [name for name in row if name.startswith(RATED)]
    kept = dict.fromkeys([*SUMMARY_COLUMNS, *rated])
    columns = {name: row[name] for name in kept if row.get(name) is not None}
    names = [name for name in columns if name.startswith(RATED[0])]
    columns |= {name: row.get(name) for name in TRAINED_BY}
    return Entry(
        trial,
        number,
        # Started again or not, its results came about as those of the source did.
        attempt=row.get("attempt") or 0,
        status="cached",
        source_sweep=row["sweep"],
        epoch=columns.get("num_epochs", 0),
        metrics={name: columns[name] for name in names},
        columns=columns,
    )


def trial_row(entry: Entry) -> dict[str, Any]:
    """The entry as it stands, under the names of `trials`."""
    trial, print_ = entry.trial, entry.trial.fingerprint
    config = flatten(trial.config)
    return {
        "trial": trial.key,
        "arm": trial.arm,
        "seed": trial.config.seed,
        **{f"config.{name}": value for name, value in config.items()},
        "number": entry.number,
        "attempt": entry.attempt,
        "status": entry.status,
        "status_reason": entry.reason or None,
        "cause": entry.cause or None,
        "source_sweep": entry.source_sweep or None,
        "error": entry.error or None,
        "user_traceback": cut_traceback(entry.error) or None,
        "num_epochs": entry.epoch,
        "val.accuracy": entry.metrics.get("val.accuracy"),
        "val.loss": entry.metrics.get("val.loss"),
        **{n: value for n, value in entry.metrics.items() if n.startswith(RATED[0])},
        **entry.best_columns(),
        "train_s": entry.train_s,
        "started": moment(entry.started or None),
        "finished": moment(entry.finished or None),
        "fingerprint.config": print_.config,
        "fingerprint.data": print_.data,
        "fingerprint.code": json.dumps(print_.code, sort_keys=True),
        "fingerprint.device": print_.device,
        "fingerprint.torch": print_.torch,
        "fingerprint.num_workers": print_.num_workers,
    }


def config_of(row: Row) -> Config:
    """The config that a row's columns spell; other models' columns are null in it.

    A trial that ran out of memory has the pieces that it came to.

    Raises:
        ConfigError: another tool has trained it, or it has keys that are gone.
    """
    if row.get("imported") is not None:
        rule, fix = "must have been trained by raypg", "Its config is another tool's."
        raise ConfigError(row["trial"], rule, f"{row['imported']}, imported", fix)
    values = config_leaves(row)
    if row.get("micro_batch"):
        values["train.micro_batch"] = row["micro_batch"]
    return load([Layer(row["trial"], values)])


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as the tables keep them."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
