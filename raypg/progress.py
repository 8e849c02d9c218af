"""How a sweep goes on, as it is told to a person: a live table, or plain lines."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raypg.entries import Entry
from raypg.ledger import Ledger

LINE_EVERY_S = 10.0
"""On a pipe, the longest silence while epochs are coming in."""

REFRESH_HZ = 4
MAX_ROWS = 12


@dataclass
class Pace:
    """What is known of the time that is left."""

    num_trials: int
    epochs_per_trial: int
    num_ended: int = 0
    """Trials that train no more, those of earlier sessions included."""
    started: float = 0.0
    """When the first epoch began: starting workers is no measure of training."""
    num_epochs: int = 0
    """How many were trained here, those included that were lost and trained again."""
    reached: dict[str, int] = field(default_factory=dict)
    """The epoch that each trial under way is at: no one trains those before it."""
    num_whole: int = 0
    """Trials that ended here and did not fail."""
    epochs_of_whole: int = 0

    def left_s(self) -> float | None:
        """Seconds to the end, at most of the trials under way; None before any epoch.

        Those to come are taken to be as long as those that ended, and as those under
        way may become: a scheduler stops the shortest ones first.
        """
        if not self.num_epochs:
            return None
        most, num = self.epochs_per_trial, len(self.reached)
        known = self.num_whole + num
        mean = (self.epochs_of_whole + most * num) / known if known else most
        to_come = max(0, self.num_trials - self.num_ended - num)
        rest = sum(max(0, most - at) for at in self.reached.values()) + to_come * mean
        return rest * (time.monotonic() - self.started) / self.num_epochs

    def note_epoch(self, entry: Entry, epoch_s: float) -> None:
        """Count an epoch that was trained."""
        self.started = self.started or time.monotonic() - epoch_s
        self.num_epochs += 1
        self.reached[entry.trial.key] = entry.epoch

    def note_end(self, entry: Entry) -> None:
        """Take a trial off the rest, whatever it did not train."""
        epochs = self.reached.pop(entry.trial.key, None)
        if epochs is not None and entry.status != "failed":
            self.num_whole += 1
            self.epochs_of_whole += epochs
        self.num_ended += 1


def clock(seconds: float) -> str:
    """A duration as people read it: `48 s`, `3:07`, `2:03:07`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_value(metric: str, value: float | None) -> str:
    """A metric's value as it is printed: accuracies in percent."""
    if value is None:
        return "—"
    return f"{100 * value:.2f} %" if metric.endswith("accuracy") else f"{value:.4f}"


class Lines:
    """Plain lines on a pipe: one a trial, and a sign of life now and then."""

    def __init__(self, ledger: Ledger, metric: str, mode: str, pace: Pace) -> None:
        self._ledger = ledger
        self._metric = metric
        self._best = Best(metric, mode)
        self._pace = pace
        self._spoke = time.monotonic()

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Say how far the sweep is, at most every few seconds."""
        self._pace.note_epoch(entry, metrics["epoch_s"])
        if time.monotonic() - self._spoke >= LINE_EVERY_S:
            value = show_value(self._metric, metrics.get(self._metric))
            self._say(f"{name_of(entry)}: epoch {entry.epoch}, {self._metric} {value}")

    def on_end(self, entry: Entry) -> None:
        """Say how a trial ended."""
        self._pace.note_end(entry)
        self._best.take(entry)
        self._say(end_line(entry, self._metric))

    def _say(self, what: str) -> None:
        self._spoke = time.monotonic()
        ended = self._ledger.num_ended
        left_s, total = self._pace.left_s(), self._pace.num_trials
        left = "" if left_s is None else f" ({clock(left_s)} left)"
        print(f"[{ended}/{total}] {what}{left}", file=sys.stderr, flush=True)


@dataclass
class Best:
    """The best trial so far, by the sweep's metric at its last epoch."""

    metric: str
    mode: str
    entry: Entry | None = None

    def take(self, entry: Entry) -> None:
        """Let a trial compete; a failed one cannot."""
        value = entry.metrics.get(self.metric)
        if value is None or entry.status == "failed":
            return
        sign = -1 if self.mode == "min" else 1
        if self.entry is None or sign * value > sign * self.value:
            self.entry = entry

    @property
    def value(self) -> float:
        """The best trial's metric; only where there is one."""
        assert self.entry is not None
        return self.entry.metrics[self.metric]


def name_of(entry: Entry) -> str:
    """A trial as people know it: its arm and its seed."""
    return f"{entry.trial.arm}, seed {entry.trial.config.seed}"


def end_line(entry: Entry, metric: str) -> str:
    """One line on how a trial ended."""
    line = f"{name_of(entry)}: {entry.status}"
    if entry.status == "failed":
        return f"{line}: {entry.reason}"
    value = show_value(metric, entry.metrics.get(metric))
    line += f", {metric} {value} after {entry.epoch} epochs"
    if entry.status == "cached":
        return f"{line}, from {entry.source_sweep}"
    return f"{line}, {clock(entry.train_s)}"


class LiveTable:
    """A table on a terminal, drawn anew a few times a second by a thread of its own."""

    def __init__(
        self,
        ledger: Ledger,
        metric: str,
        mode: str,
        pace: Pace,
        console: Console | None = None,
    ) -> None:
        self._ledger = ledger
        self._metric = metric
        self._best = Best(metric, mode)
        self._pace = pace
        self._console = console or Console(stderr=True)
        self._lock = threading.Lock()
        self._running: dict[str, Entry] = {}
        self._live = Live(
            console=self._console,
            refresh_per_second=REFRESH_HZ,
            get_renderable=self._table,
            transient=True,
        )

    def __enter__(self) -> "LiveTable":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Take in an epoch; the thread draws it."""
        with self._lock:
            self._pace.note_epoch(entry, metrics["epoch_s"])
            self._running[entry.trial.key] = entry

    def on_end(self, entry: Entry) -> None:
        """Take in an end; a failure is printed above the table, to stay."""
        with self._lock:
            self._pace.note_end(entry)
            self._best.take(entry)
            self._running.pop(entry.trial.key, None)
        if entry.status == "failed":
            # As Text: brackets in what a user's code raises are no markup.
            self._console.print(Text(end_line(entry, self._metric), style="red"))

    def _table(self) -> ConsoleRenderable:
        table = Table("trial", "epoch", self._metric, box=None, pad_edge=False)
        with self._lock:
            title = Text(self._title(), overflow="ellipsis", no_wrap=True)
            for entry in list(self._running.values())[-MAX_ROWS:]:
                value = show_value(self._metric, entry.metrics.get(self._metric))
                table.add_row(Text(name_of(entry)), str(entry.epoch), value)
        return Group(title, table)

    def _title(self) -> str:
        count, ended = self._ledger.count, self._ledger.num_ended
        parts = [f"{self._ledger.sweep}: {ended}/{self._pace.num_trials} trials"]
        if self._best.entry is not None:
            value = show_value(self._metric, self._best.value)
            parts.append(f"best {value} ({name_of(self._best.entry)})")
        for status in ("cached", "stopped", "failed"):
            if count(status):
                parts.append(f"{count(status)} {status}")
        left_s = self._pace.left_s()
        if left_s is not None:
            parts.append(f"{clock(left_s)} left")
        return " · ".join(parts)


@contextmanager
def follow(ledger: Ledger, metric: str, mode: str, pace: Pace) -> Iterator[None]:
    """Tell a person how a sweep goes on, in the way that standard error can show."""
    pace.num_ended = ledger.num_ended
    if sys.stderr.isatty():
        with LiveTable(ledger, metric, mode, pace) as table:
            ledger.tell(table)
            yield
    else:
        ledger.tell(Lines(ledger, metric, mode, pace))
        yield
