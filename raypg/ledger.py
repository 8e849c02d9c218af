"""The books of one sweep: what to train next, what came of it, row by row.

It knows no Ray: the cluster's driver and the single trial of `python -m raypg.train`
keep the same books.
"""

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from raypg.entries import (
    WORKER_COLUMNS,
    Entry,
    Leftover,
    Row,
    cached_entry,
    left_row,
    moment,
    trial_row,
)
from raypg.experiment import Proposals, Trial, look_ahead
from raypg.results.columns import LEFT
from raypg.secrets import redact


class Writer(Protocol):
    """Where rows go: `raypg.results.SweepWriter`, or a list in a test."""

    def append(self, table: str, row: Row) -> None:
        """Add a row, under dotted names; returns at once."""


class Audience(Protocol):
    """Who is told how the sweep goes on: a terminal, a pipe, W&B.

    One that raises is told no more; the sweep goes on.
    """

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """An epoch of a trial was reported."""

    def on_end(self, entry: Entry) -> None:
        """A trial ended, or was found in the store."""


class Ledger:
    """Hands out trials, takes their reports, writes their rows.

    Args:
        sweep: the sweep's name, in every row.
        proposals: where trials come from, and who learns of their results.
        writer: takes the rows.
        facts: columns that all trials of the session share (versions, git, threads).
        memo: completed trials of the whole store, by fingerprint: their rows.
        leftovers: trials that earlier sessions of the sweep began and that go on, by
            the fingerprint under which they do.
        before: the rows that earlier sessions left, of all trials.
        ahead: trials that `look_ahead` has taken from the proposals already.
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
        ahead: Sequence[Trial] = (),
        metric: str,
    ) -> None:
        self.sweep = sweep
        self.proposals = proposals
        self.entries: dict[str, Entry] = {}
        """This session's trials, by fingerprint."""
        self._writer = writer
        self._facts = dict(facts)
        self._memo = memo
        self._ahead = deque(ahead)
        self._leftovers = leftovers
        # Counted as they change: another thread reads the counts, and a sweep of
        # 10,000 trials asks for them at every one.
        self.before = {row["trial"]: row for row in before}
        """The rows that earlier sessions left, by trial."""
        self._num_numbered = sum(row["status"] not in LEFT for row in before)
        self._going_on = {left.began_as for left in leftovers.values()} | {*leftovers}
        self._counts = Counter(row["status"] for row in self.rows_over)
        self._metric = metric
        self._audiences: list[Audience] = []

    def tell(self, audience: Audience) -> None:
        """Let someone follow the sweep."""
        self._audiences.append(audience)

    @property
    def num_ended(self) -> int:
        """How many trials of the sweep are over, earlier sessions' included."""
        return self.count("completed", "cached", "stopped", "failed")

    @property
    def rows_over(self) -> list[Row]:
        """The rows of trials that earlier sessions ended, and that do not go on."""
        rows = self.before.values()
        return [row for row in rows if row["trial"] not in self._going_on]

    @property
    def num_left(self) -> int:
        """How many trials are still to end, as far as it is known."""
        return max(0, self.proposals.num_trials - self.num_ended)

    def next_entry(self) -> Entry | None:
        """The next trial that needs training; None when there is none.

        Trials that the store holds are booked as cached on the way.
        """
        if not self._ahead:
            found = look_ahead(self.proposals, self._memo, self._metric)
            self._ahead.extend(found)
        while self._ahead:
            trial = self._ahead.popleft()
            if trial.key not in self._memo:
                return self._open(trial)
            self._book_cached(trial, self._memo[trial.key])
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
            entry.note_epoch(number, past)

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
        entry.note_epoch(epoch, metrics)
        if is_new:
            self.proposals.observe(entry.trial.key, epoch, metrics[self._metric])
        self._announce(lambda audience: audience.on_epoch(entry, metrics))

    def end(
        self,
        entry: Entry,
        status: str,
        *,
        reason: str = "",
        cause: str = "code",
        error: str = "",
        summary: Row | None = None,
        test: Row | None = None,
    ) -> None:
        """A trial is over: `completed`, `stopped`, `failed` or `interrupted`.

        Args:
            entry: of the trial.
            status: how it ended.
            reason: why, in a line.
            cause: of a failure, a key of `POLICIES`; other ends have none.
            error: the traceback of a failure.
            summary: columns of `trials` that only the trainer knows.
            test: columns of `test_results`.
        """
        self._counts[entry.status] -= 1
        self._counts[status] += 1
        # What a library raises may name the URL, with its password, that it was told.
        entry.status, entry.reason = status, redact(reason)
        entry.error = redact(error)
        entry.cause = cause if status == "failed" else ""
        entry.finished = time.time()
        entry.columns.update(summary or {})
        if test:
            key = {"sweep": self.sweep, "trial": entry.trial.key}
            own = {**key, "attempt": entry.attempt, "time": moment(time.time())}
            self._writer.append("test_results", {**own, **test})
        # Behind all else of it: a death in between trains it again.
        row = self._write(entry)
        value = entry.metrics.get(self._metric) if status != "failed" else None
        self.proposals.finish(entry.trial.key, status, value, row)
        self._announce(lambda audience: audience.on_end(entry))

    def interrupt(self) -> None:
        """Book every trial that is under way as interrupted: it can be resumed."""
        for entry in list(self.entries.values()):
            if entry.status == "running":
                self.end(entry, "interrupted", reason="the sweep was interrupted")

    def note(self, entry: Entry) -> None:
        """Something is known of a running trial that its row is to keep, come what may.

        Args:
            entry: of the trial; its columns have it.
        """
        self._write(entry)

    def note_gone(self, trial: str, option: str) -> None:
        """An ended trial of any session is about to lose its checkpoints.

        Args:
            trial: its fingerprint.
            option: by which they are let go, as it was typed.
        """
        gone = {"checkpoint": None, "checkpoint_gone": option}
        if (entry := self.entries.get(trial)) is not None:
            if "checkpoint_gone" not in entry.columns:
                entry.columns.update(gone)
                self._write(entry)
        elif not self.before[trial].get("checkpoint_gone"):
            self.before[trial] = {**self.before[trial], **gone}
            self._writer.append("trials", self.before[trial])

    def count(self, *statuses: str) -> int:
        """How many trials of the sweep have one of these statuses."""
        return sum(self._counts[status] for status in statuses)

    def _open(self, trial: Trial) -> Entry:
        left = self._leftovers.get(trial.key)
        entry = Entry(trial, self._number_of(trial), left.attempt + 1 if left else 0)
        if left is not None:
            entry.resume_from = left.resume_from
            entry.known_epochs = set(left.known_epochs)
            entry.started = left.started
            entry.columns.update(left.columns)
            before = self.before.get(trial.key, {})
            kept = {name: before.get(name) for name in WORKER_COLUMNS}
            entry.columns |= {k: v for k, v in kept.items() if v is not None}
        self._book(entry)
        return entry

    def _book_cached(self, trial: Trial, row: Row) -> None:
        """Take the results of a trial that another sweep of the store completed.

        The proposals know of it.
        """
        entry = cached_entry(trial, self._number_of(trial), row)
        entry.finished = time.time()
        self._book(entry)
        self._write(entry)
        self._announce(lambda audience: audience.on_end(entry))

    def _book(self, entry: Entry) -> None:
        self.entries[entry.trial.key] = entry
        self._counts[entry.status] += 1

    def _number_of(self, trial: Trial) -> int:
        """The number that an earlier session gave the trial, or the next one."""
        if (left := self._leftovers.get(trial.key)) is not None:
            return left.number
        self._num_numbered += 1
        return self._num_numbered - 1

    def _announce(self, tell: Callable[[Audience], None]) -> None:
        """Tell every audience; drop those that fail."""
        for audience in list(self._audiences):
            try:
                tell(audience)
            except Exception as error:  # whoever looks on must not end the sweep
                self._audiences.remove(audience)
                cause = " ".join(f"{type(error).__name__}: {error}".split())
                with suppress(OSError, ValueError):  # standard error may be closed
                    print(
                        f"{type(audience).__name__} failed and is told no more of "
                        f"this sweep, which goes on: {cause}",
                        file=sys.stderr,
                    )

    def _write_epoch(
        self, entry: Entry, epoch: int, metrics: Mapping[str, float], attempt: int
    ) -> None:
        entry.known_epochs.add(epoch)
        key = {"sweep": self.sweep, "trial": entry.trial.key}
        self._writer.append(
            "epochs",
            {**key, "attempt": attempt, "epoch": epoch, **metrics}
            | {"time": moment(metrics.get("time"))}
            | entry.epoch_columns(epoch),
        )

    def _write(self, entry: Entry) -> Row:
        """Append the trial's row as it stands; the newest one counts."""
        own = {"sweep": self.sweep, **trial_row(entry)}
        row = {**own, **self._facts, **entry.columns}
        self._writer.append("trials", row)
        left = self._leftovers.get(entry.trial.key)
        if left is not None and left.began_as:
            self._leave(left.began_as, entry.trial.key)
        return row

    def _leave(self, trial: str, other: str) -> None:
        """Count a trial no more that goes on as another, which has a row by now."""
        row = self.before.get(trial)
        if row is not None and row["status"] not in LEFT:
            self.before[trial] = left_row(row, other)
            self._writer.append("trials", self.before[trial])
