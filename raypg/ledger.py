"""The books of one sweep: what to train next, what came of it, row by row.

It knows no Ray: the cluster's driver and the single trial of `python -m raypg.train`
keep the same books.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from raypg.config import flatten
from raypg.experiment import Proposals, Trial

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
    "num_workers",
    "num_threads",
    "train_s",
    "node",
    "device",
    "checkpoint",
)
"""What a cached row copies from the row of the trial that it stands for."""


class Writer(Protocol):
    """Where rows go: `raypg.results.SweepWriter`, or a list in a test."""

    def append(self, table: str, row: Row) -> None:
        """Add a row, under dotted names; returns at once."""


class Audience(Protocol):
    """Who is told how the sweep goes on: a terminal, a pipe, W&B."""

    def on_epoch(self, entry: "Entry", metrics: Mapping[str, float]) -> None:
        """An epoch of a trial was reported."""

    def on_end(self, entry: "Entry") -> None:
        """A trial ended, or was found in the store."""


@dataclass
class Entry:
    """One trial in the books."""

    trial: Trial
    number: int
    """Its place in the order in which trials were handed out, from 0."""
    attempt: int
    """Counts the times that the trial was started, over all sessions, from 0."""
    status: str = "running"
    reason: str = ""
    error: str = ""
    source_sweep: str = ""
    resume_from: str = ""
    epoch: int = 0
    known_epochs: set[int] = field(default_factory=set)
    metrics: dict[str, float] = field(default_factory=dict)
    train_s: float = 0.0
    started: float = 0.0
    columns: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Leftover:
    """What earlier sessions of the same sweep left of a trial that did not end."""

    number: int
    attempt: int
    known_epochs: frozenset[int]
    resume_from: str
    """The folder of its last good checkpoint; empty where there is none."""


class Ledger:
    """Hands out trials, takes their reports, writes their rows.

    Args:
        sweep: the sweep's name, in every row.
        proposals: where trials come from, and who learns of their results.
        writer: takes the rows.
        facts: columns that all trials of the session share (versions, git, threads).
        memo: completed trials of the whole store, by fingerprint: their rows.
        leftovers: trials that earlier sessions of the sweep began and did not end.
        before: the rows that earlier sessions left, of all trials.
        metric: what the sweep is about; proposals are told its values.
    """

    def __init__(
        self,
        sweep: str,
        proposals: Proposals,
        writer: Writer,
        *,
        facts: Row,
        memo: Mapping[str, Row],
        leftovers: Mapping[str, Leftover],
        before: Sequence[Row] = (),
        metric: str,
    ) -> None:
        self.sweep = sweep
        self.proposals = proposals
        self.entries: dict[str, Entry] = {}
        self._writer = writer
        self._facts = dict(facts)
        self._memo = memo
        self._leftovers = leftovers
        self._num_before = len(before)
        self._ended_before = Counter(
            row["status"] for row in before if row["trial"] not in leftovers
        )
        self._metric = metric
        self._audiences: list[Audience] = []
        self._is_exhausted = False

    def tell(self, audience: Audience) -> None:
        """Let someone follow the sweep."""
        self._audiences.append(audience)

    @property
    def num_ended(self) -> int:
        """How many trials of the sweep are over, earlier sessions' included."""
        return self.count("completed", "cached", "stopped", "failed")

    @property
    def is_exhausted(self) -> bool:
        """Whether every trial was handed out."""
        return self._is_exhausted

    def next_entry(self) -> Entry | None:
        """The next trial that needs training; None when there is none.

        Trials that the store holds are booked as cached on the way.
        """
        while (trial := self.proposals.propose()) is not None:
            if trial.key in self._memo:
                self._book_cached(trial, self._memo[trial.key])
            else:
                return self._open(trial)
        self._is_exhausted = True
        return None

    def start(self, entry: Entry, *, again: bool = False) -> None:
        """A trial begins on a worker, or begins again after its process died."""
        entry.attempt += again
        entry.started = entry.started or time.time()
        self._write(entry)

    def recall(self, entry: Entry, history: Sequence[Mapping[str, float]]) -> None:
        """Put a trial where the checkpoint left it that it goes on from.

        Epochs that the tables lack are written again: that closes the gap between a
        checkpoint and the last flush of a driver that died.

        Args:
            entry: of the trial.
            history: the metrics of every epoch that the checkpoint remembers.
        """
        for number, past in enumerate(history, start=1):
            if number not in entry.known_epochs:
                self._write_epoch(entry, number, past, entry.attempt)
        entry.epoch, entry.metrics = len(history), dict(history[-1])
        entry.train_s = sum(past.get("epoch_s", 0.0) for past in history)

    def report(
        self,
        entry: Entry,
        epoch: int,
        metrics: Mapping[str, float],
        attempt: int | None = None,
    ) -> None:
        """An epoch of a trial; `attempt` is the entry's own unless it is given."""
        is_new = epoch not in entry.known_epochs
        self._write_epoch(
            entry, epoch, metrics, entry.attempt if attempt is None else attempt
        )
        entry.epoch = epoch
        entry.metrics = dict(metrics)
        entry.train_s += metrics.get("epoch_s", 0.0)
        if is_new:
            self.proposals.observe(entry.trial.key, epoch, metrics[self._metric])
        for audience in self._audiences:
            audience.on_epoch(entry, metrics)

    def end(
        self,
        entry: Entry,
        status: str,
        *,
        reason: str = "",
        error: str = "",
        summary: Row | None = None,
        test: Row | None = None,
    ) -> None:
        """A trial is over: `completed`, `stopped`, `failed` or `interrupted`."""
        entry.status, entry.reason, entry.error = status, reason, error
        entry.columns.update(summary or {})
        self._write(entry)
        if test:
            key = {"sweep": self.sweep, "trial": entry.trial.key}
            own = {**key, "attempt": entry.attempt, "time": _moment(time.time())}
            self._writer.append("test_results", {**own, **test})
        value = entry.metrics.get(self._metric) if status != "failed" else None
        self.proposals.finish(entry.trial.key, status, value)
        for audience in self._audiences:
            audience.on_end(entry)

    def interrupt(self) -> None:
        """Book every trial that is under way as interrupted: it can be resumed."""
        for entry in list(self.entries.values()):
            if entry.status == "running":
                self.end(entry, "interrupted", reason="the sweep was interrupted")

    def count(self, *statuses: str) -> int:
        """How many trials of the sweep have one of these statuses."""
        here = sum(entry.status in statuses for entry in self.entries.values())
        return here + sum(self._ended_before[status] for status in statuses)

    def _open(self, trial: Trial) -> Entry:
        left = self._leftovers.get(trial.key)
        if left is None:
            entry = Entry(trial, self._next_number(), 0)
        else:
            entry = Entry(trial, left.number, left.attempt + 1)
            entry.resume_from = left.resume_from
            entry.known_epochs = set(left.known_epochs)
        self.entries[trial.key] = entry
        return entry

    def _next_number(self) -> int:
        num_new = sum(key not in self._leftovers for key in self.entries)
        return self._num_before + num_new

    def _book_cached(self, trial: Trial, row: Row) -> None:
        """Take the results of a trial that some sweep of the store completed."""
        left = self._leftovers.get(trial.key)
        number = self._next_number() if left is None else left.number
        entry = Entry(trial, number, 0)
        self.entries[trial.key] = entry
        is_own = row["sweep"] == self.sweep and row["status"] != "cached"
        entry.status = "completed" if is_own else "cached"
        entry.source_sweep = "" if is_own else row.get("source_sweep") or row["sweep"]
        entry.columns = {
            name: row[name] for name in SUMMARY_COLUMNS if row.get(name) is not None
        }
        entry.metrics = {
            name: entry.columns[name]
            for name in ("val.accuracy", "val.loss")
            if name in entry.columns
        }
        entry.epoch = entry.columns.get("num_epochs", 0)
        entry.train_s = entry.columns.get("train_s", 0.0)
        if not is_own:
            self._write(entry)
        self.proposals.finish(trial.key, "cached", entry.metrics.get(self._metric))
        for audience in self._audiences:
            audience.on_end(entry)

    def _write_epoch(
        self, entry: Entry, epoch: int, metrics: Mapping[str, float], attempt: int
    ) -> None:
        entry.known_epochs.add(epoch)
        key = {"sweep": self.sweep, "trial": entry.trial.key}
        self._writer.append(
            "epochs",
            {**key, "attempt": attempt, "epoch": epoch, **metrics}
            | {"time": _moment(metrics.get("time"))},
        )

    def _write(self, entry: Entry) -> None:
        """Append the trial's row as it stands; the newest one counts."""
        trial, ended = entry.trial, entry.status != "running"
        print_ = trial.fingerprint
        row = {
            "sweep": self.sweep,
            "trial": trial.key,
            "arm": trial.arm,
            "seed": trial.config.seed,
            **{
                f"config.{name}": value for name, value in flatten(trial.config).items()
            },
            "number": entry.number,
            "attempt": entry.attempt,
            "status": entry.status,
            "status_reason": entry.reason or None,
            "source_sweep": entry.source_sweep or None,
            "error": entry.error or None,
            "num_epochs": entry.epoch,
            "val.accuracy": entry.metrics.get("val.accuracy"),
            "val.loss": entry.metrics.get("val.loss"),
            "train_s": entry.train_s,
            "started": _moment(entry.started or None),
            "finished": _moment(time.time() if ended else None),
            "fingerprint.config": print_.config,
            "fingerprint.data": print_.data,
            "fingerprint.code": json.dumps(print_.code, sort_keys=True),
            "fingerprint.device": print_.device,
            "fingerprint.torch": print_.torch,
            "fingerprint.num_workers": print_.num_workers,
            **self._facts,
            **entry.columns,
        }
        self._writer.append("trials", row)


def _moment(seconds: float | None) -> datetime | None:
    """Seconds since the epoch as the tables keep them."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
