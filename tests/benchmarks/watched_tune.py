"""`python -m raypg.tune`, with each report noted; what else is not as usual is ordered.

WATCHED_TUNE='{"notes": "/tmp/notes"}' python -m tests.benchmarks.watched_tune …
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raypg.cluster.connect import set_quiet_environment
from raypg.ledger import Ledger
from raypg.results import append
from raypg.tune import main

VARIABLE = "WATCHED_TUNE"


@dataclass(frozen=True)
class Orders:
    """What a command of these is to do otherwise.

    Attributes:
        notes: a file that gets a line for each report: the moment (of the clock that
            all processes share), trial, epoch.
        clock_s: how far its clock is ahead of the machine's.
        patience_s: how long it waits for a store that takes no row; 0 is as usual.
        is_faulty: whether its networks fail as `tests.cluster.faulty` is told.
    """

    notes: str
    clock_s: float = 0.0
    patience_s: float = 0.0
    is_faulty: bool = False

    def environment(self) -> dict[str, str]:
        """The variable that gives them to a command."""
        return {VARIABLE: json.dumps(asdict(self))}


@dataclass(frozen=True)
class Note:
    """An epoch that a driver was told of; `at` is in seconds of `time.monotonic`."""

    at: float
    trial: str
    epoch: int


def read_notes(file: Path) -> list[Note]:
    """All that there are so far, in their order."""
    lines = file.read_text().splitlines() if file.exists() else []
    fields = (line.split() for line in lines)
    return [Note(float(at), trial, int(epoch)) for at, trial, epoch in fields]


def _note_reports(file: Path) -> None:
    report = Ledger.report

    def noted(self: Ledger, entry: Any, epoch: int, *more: Any) -> None:  # noqa: ANN401
        report(self, entry, epoch, *more)
        with file.open("a") as notes:
            notes.write(f"{time.monotonic()} {entry.trial.key} {epoch}\n")

    Ledger.report = noted  # type: ignore[assignment,method-assign]


def _set_clock(ahead_s: float) -> None:
    now, now_ns = time.time, time.time_ns
    time.time = lambda: now() + ahead_s
    time.time_ns = lambda: now_ns() + int(ahead_s * 1e9)


def _make_faulty() -> None:
    set_quiet_environment()  # before the first import of Ray
    from raypg.cluster import trainable
    from tests.cluster.faulty import FaultyTrainable

    trainable.LocalTrainable = FaultyTrainable  # type: ignore[misc]


def run() -> None:
    """Be the command."""
    orders = Orders(**json.loads(os.environ[VARIABLE]))
    _note_reports(Path(orders.notes))
    if orders.clock_s:
        _set_clock(orders.clock_s)
    if orders.patience_s:
        append.PATIENCE_S = append.CLOSE_PATIENCE_S = orders.patience_s
    if orders.is_faulty:
        _make_faulty()
    main()


if __name__ == "__main__":
    run()
