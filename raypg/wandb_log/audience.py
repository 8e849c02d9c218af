"""The audience of a ledger that hands epochs and ends to W&B."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raypg.entries import Entry
from raypg.ledger import Ledger
from raypg.results.schema import nest_leaves
from raypg.store import Store
from raypg.wandb_log.lane import Act, Lane
from raypg.wandb_log.session import About, Facts, Session

NUM_LANES = 4
"""Threads, as each start and end of a run waits for the network. A trial has one."""
CLOSE_S = 60.0
"""Longest wait when the sweep has ended."""
WELL = ("completed", "cached", "stopped")
"""Statuses of trials whose run has succeeded; W&B marks the others."""
PATIENCE_S = 2.0
"""A shorter wait is not worth a line."""


@contextmanager
def log_to_wandb(
    ledger: Ledger, store: Store, say: Callable[[str], None], *, is_on: bool
) -> Iterator[None]:
    """Let W&B follow a sweep, where that is asked for.

    Args:
        ledger: of the sweep.
        store: its store.
        say: told each problem, and where offline runs are, in a line.
        is_on: whether `--wandb` was given.
    """
    if not is_on:
        yield
        return
    started = store.read_description(ledger.sweep).get("started", "")
    local = store.path(ledger.sweep) if store.is_local else "."
    folder = str(Path(os.environ.get("WANDB_DIR") or local).absolute())
    log = WandbLog(About(ledger.sweep, started, folder), say)
    ledger.tell(log)
    try:
        yield
    finally:
        log.close()


class WandbLog:
    """The audience that hands epochs and ends to W&B; never raises, never waits."""

    def __init__(self, about: About, say: Callable[[str], None]) -> None:
        self._said: set[str] = set()
        self._num_cached = 0
        self._say_line = say
        self._about = about
        self._session = Session(about, self._say)
        self._lanes = [Lane(self._session, self._say) for _ in range(NUM_LANES)]

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Log an epoch, at the step of its number."""
        epoch, own = entry.epoch, dict(metrics)
        own.pop("time", None)
        self._put(entry, lambda run: run.log(nest_leaves(own), step=epoch))

    def on_end(self, entry: Entry) -> None:
        """Write a trial's summary; of one that the store held there is no curve."""
        if entry.status == "cached":
            self._num_cached += 1
            return
        self._put(entry, _end(entry.status, _summary(entry)), is_last=True)

    def log_past(
        self,
        number: int,
        facts: Facts,
        epochs: Mapping[int, Mapping[str, float]],
        status: str,
        summary: Mapping[str, Any],
    ) -> None:
        """Log a trial that has ended, all at once.

        Args:
            number: its place in the order.
            facts: what its run says of it.
            epochs: the metrics of each, by dotted name.
            status: how it ended.
            summary: columns of `trials` that are not null.
        """
        end = _end(status, nest_leaves(summary))

        def act(run: Any) -> None:  # noqa: ANN401 a wandb.Run
            for epoch, metrics in epochs.items():
                run.log(nest_leaves(metrics), step=epoch)
            end(run)

        lane = self._lanes[number % NUM_LANES]
        lane.put(facts.trial, lambda: facts, act, is_last=True)

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Wait for W&B to take the rest, but not for ever."""
        if self._num_cached:
            trials = f"{self._num_cached} cached trial(s)"
            self._say(f"{trials} are not logged; --fresh would train and log them")
        until = time.monotonic() + timeout_s
        for lane in self._lanes:
            lane.close()
        for lane in self._lanes:
            lane.join(min(PATIENCE_S, timeout_s))
        if any(lane.is_alive() for lane in self._lanes):
            self._say(f"waiting for it, at most {timeout_s:.0f} s")
        for lane in self._lanes:
            lane.join(until - time.monotonic())
        where = f"wandb sync {self._about.folder}/wandb/*run-*"
        if any(lane.is_alive() for lane in self._lanes):
            self._say(f"it has not taken all; the rest is kept, send it with: {where}")
        elif self._session.num_offline:
            runs = f"{self._session.num_offline} runs are kept offline"
            self._say(f"{runs}; send them with: {where}")

    @property
    def num_runs(self) -> int:
        """The runs that were begun; of a disabled W&B none."""
        return 0 if self.is_disabled else self._session.num_opened

    @property
    def is_disabled(self) -> bool:
        """Whether W&B is told to write nothing (`WANDB_MODE=disabled`)."""
        return self._session.is_disabled

    def _put(self, entry: Entry, act: Act, *, is_last: bool = False) -> None:
        lane = self._lanes[entry.number % NUM_LANES]
        lane.put(entry.trial.key, lambda: Facts.of(entry), act, is_last=is_last)

    def _say(self, line: str) -> None:
        """Tell a line once, whichever lane has it."""
        line = " ".join(line.split())[:300]
        if line not in self._said:
            self._said.add(line)
            self._say_line(f"W&B: {line}")


def _end(status: str, summary: Mapping[str, Any]) -> Act:
    def act(run: Any) -> None:  # noqa: ANN401 a wandb.Run
        run.summary.update(summary)
        run.tags = (status,)
        run.finish(exit_code=0 if status in WELL else 1)

    return act


def _summary(entry: Entry) -> dict[str, Any]:
    found = {
        **entry.columns,
        **{name: entry.metrics[name] for name in entry.metrics if name != "time"},
        "status": entry.status,
        "status_reason": entry.reason,
        "num_epochs": entry.epoch,
        "train_s": entry.train_s,
    }
    known = {name: value for name, value in found.items() if value is not None}
    return nest_leaves(known)
