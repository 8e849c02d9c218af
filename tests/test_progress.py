"""What a person is told while a sweep goes on, on a terminal and on a pipe."""

import io
import re
import sys
from collections.abc import Callable

import pytest
from rich.console import Console

from raypg.entries import Entry
from raypg.ledger import Ledger
from raypg.progress import Best, Lines, LiveTable, Pace, clock, follow, show_value
from tests.books import epoch, new_ledger, next_of

METRIC = "val.accuracy"
REASON = "no file [/data/x] for [batch]"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock."""
    at = [100.0]
    monkeypatch.setattr("raypg.progress.time.monotonic", lambda: at[0])
    return lambda seconds: at.__setitem__(0, seconds)


def entry_at(number: int, accuracy: float = 0.5, status: str = "running") -> Entry:
    entry = next_of(new_ledger())
    entry.note_epoch(number, {"val.accuracy": accuracy})
    entry.status = status
    return entry


def tell_terminal(act: Callable[[Ledger, LiveTable], object]) -> str:
    """What a terminal shows, without its control codes."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    ledger = new_ledger()
    table = LiveTable(ledger, METRIC, "max", Pace(3, 3), console)
    ledger.tell(table)
    with table:
        act(ledger, table)
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", console.file.getvalue())  # type: ignore[attr-defined]


def test_a_pace_asks_for_the_epochs_that_are_left(now: Callable[[float], None]) -> None:
    pace = Pace(num_trials=3, epochs_per_trial=4)
    assert pace.left_s() is None
    now(110.0)
    pace.note_epoch(entry_at(1), 10.0)
    assert pace.left_s() == 11 * 10.0
    pace.note_end(entry_at(1, status="stopped"))
    assert pace.left_s() == 2 * 10.0  # the others are expected to be stopped as soon
    pace.note_epoch(entry_at(2), 10.0)
    now(120.0)
    assert pace.left_s() == (2 + (1 + 4) / 2) * 10.0
    pace.note_end(entry_at(2, status="failed"))
    assert pace.left_s() == 1 * 10.0


def test_a_pace_leaves_out_trials_that_ended_in_earlier_sessions(
    now: Callable[[float], None],
) -> None:
    ledger, pace = new_ledger(before=["completed", "failed"]), Pace(3, 4)
    with follow(ledger, METRIC, "max", pace):
        now(110.0)
        pace.note_epoch(entry_at(1), 10.0)
        assert pace.left_s() == 3 * 10.0


def test_a_pace_leaves_out_epochs_before_the_checkpoint(
    now: Callable[[float], None],
) -> None:
    pace = Pace(num_trials=1, epochs_per_trial=10)
    now(110.0)
    pace.note_epoch(entry_at(8), 10.0)
    assert pace.left_s() == 2 * 10.0


def test_a_pace_asks_again_for_epochs_that_were_lost(
    now: Callable[[float], None],
) -> None:
    pace, entry = Pace(num_trials=1, epochs_per_trial=4), entry_at(3)
    pace.note_epoch(entry, 10.0)
    entry.note_epoch(1, {})
    now(110.0)
    pace.note_epoch(entry, 10.0)
    assert pace.left_s() == 3 * 10.0


@pytest.mark.parametrize(("mode", "value"), [("max", 0.9), ("min", 0.1)])
def test_the_best_trial_did_not_fail(mode: str, value: float) -> None:
    best = Best(METRIC, mode)
    for accuracy in (0.5, 0.9, 0.1):
        best.take(entry_at(3, accuracy, "completed"))
    best.take(entry_at(3, 1.0 if mode == "max" else 0.0, "failed"))
    assert best.value == value


def test_a_pipe_gets_a_line_a_trial(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = new_ledger(memo=[0])
    ledger.tell(Lines(ledger, METRIC, "max", Pace(3, 3)))
    ledger.end(next_of(ledger), "failed", reason=REASON)
    cached, failed = capsys.readouterr().err.splitlines()
    assert cached.startswith("[1/3] ")
    assert "cached, val.accuracy 50.00 % after 3 epochs, from old" in cached
    assert failed.endswith(f"failed: {REASON}")


def test_a_pipe_gets_a_sign_of_life_now_and_then(
    now: Callable[[float], None], capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = new_ledger()
    ledger.tell(Lines(ledger, METRIC, "max", Pace(3, 3)))
    entry = next_of(ledger)
    for number, moment in [(1, 105.0), (2, 111.0), (3, 112.0)]:
        now(moment)
        ledger.report(entry, number, epoch(5.0))
    (line,) = capsys.readouterr().err.splitlines()
    assert "epoch 2, val.accuracy 50.00 %" in line


def test_a_terminal_shows_what_runs_and_how_far_it_is() -> None:
    def act(ledger: Ledger, table: LiveTable) -> None:
        first = next_of(ledger)
        ledger.report(first, 3, epoch(1.0))
        ledger.end(first, "completed")
        ledger.report(next_of(ledger), 2, epoch(1.0))
        table._live.refresh()

    shown = tell_terminal(act)
    assert re.search(r"space: 1/3 trials · best 50.00 % .*\d s left", shown)
    assert re.search(r"optimizer.lr=0.1, seed 0 +2 +50.00 %", shown)


def test_a_terminal_shows_a_failures_brackets_as_they_are() -> None:
    def act(ledger: Ledger, table: LiveTable) -> None:
        ledger.end(next_of(ledger), "failed", reason=REASON)

    assert f"failed: {REASON}" in tell_terminal(act)


def test_a_terminal_shows_an_arms_brackets_as_they_are() -> None:
    def act(ledger: Ledger, table: LiveTable) -> None:
        entry = next_of(ledger)
        object.__setattr__(entry.trial, "arm", "schedule.milestones=[a][/b]")
        ledger.report(entry, 1, epoch(1.0))
        table._live.refresh()

    assert "schedule.milestones=[a][/b], seed 0" in tell_terminal(act)


class Terminal(io.StringIO):
    """A standard error that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_is_followed_by_a_table_and_a_pipe_by_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    terminal = Terminal()
    for stream in (terminal, sys.stderr):
        monkeypatch.setattr(sys, "stderr", stream)
        ledger = new_ledger()
        with follow(ledger, METRIC, "max", Pace(3, 3)):
            ledger.end(next_of(ledger), "failed", reason=REASON)
    hides_the_cursor, shows_it = "\x1b[?25l", "\x1b[?25h"
    shown = terminal.getvalue()
    assert shown.index(hides_the_cursor) < shown.index(f"failed: {REASON}")
    assert shown.rindex(shows_it) > shown.index(f"failed: {REASON}")
    assert capsys.readouterr().err.startswith("[1/3] ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(48.2, "48 s"), (187.0, "3:07"), (7387.0, "2:03:07")],
)
def test_a_duration_is_read_at_a_glance(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_an_accuracy_is_printed_in_percent() -> None:
    assert show_value(METRIC, 0.5) == "50.00 %"
    assert show_value("val.loss", 0.5) == "0.5000"
    assert show_value("val.loss", None) == "—"
