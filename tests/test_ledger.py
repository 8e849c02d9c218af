"""The books of a sweep: counts, numbers, seconds, and audiences that fail."""

from collections.abc import Mapping
from typing import Any

import pytest

from raypg.entries import Entry, Leftover
from raypg.ledger import Ledger
from tests.books import epoch, new_ledger, next_of
from tests.fakes import FakeWriter


class Watcher:
    """An audience that keeps what it is told, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self._error = error

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        self.hear("epoch", entry)

    def on_end(self, entry: Entry) -> None:
        self.hear("end", entry)

    def hear(self, what: str, entry: Entry) -> None:
        self.told.append((what, entry.trial.key))
        if self._error is not None:
            raise self._error


def last_row(ledger: Ledger) -> Mapping[str, Any]:
    writer = ledger._writer
    assert isinstance(writer, FakeWriter)
    return writer.rows["trials"][-1]


def test_seconds_count_an_epoch_once_when_it_is_trained_again() -> None:
    ledger = new_ledger()
    entry = next_of(ledger)
    for number, seconds in [(1, 10.0), (2, 20.0), (1, 1.0), (2, 2.0), (3, 3.0)]:
        ledger.report(entry, number, epoch(seconds))
    ledger.end(entry, "completed")
    assert last_row(ledger)["train_s"] == 6.0


def test_seconds_leave_out_epochs_that_were_lost() -> None:
    ledger = new_ledger()
    entry = next_of(ledger)
    for number in (1, 2, 3):
        ledger.report(entry, number, epoch(10.0))
    ledger.recall(entry, [epoch(10.0)])
    ledger.report(entry, 2, epoch(5.0))
    ledger.end(entry, "interrupted")
    assert (last_row(ledger)["num_epochs"], last_row(ledger)["train_s"]) == (2, 15.0)


def test_a_cached_trial_took_the_seconds_and_the_attempts_of_its_source() -> None:
    ledger = new_ledger(memo=[0, 1, 2])
    assert ledger.next_entry() is None
    assert (last_row(ledger)["status"], last_row(ledger)["train_s"]) == ("cached", 7.0)
    assert last_row(ledger)["source_sweep"] == "old"
    assert last_row(ledger)["attempt"] == 1


def test_a_cached_trial_names_the_code_that_trained_it() -> None:
    ledger = new_ledger(memo=[0])
    next_of(ledger)
    rows = ledger._writer.rows["trials"]  # type: ignore[attr-defined]
    assert [row["git.commit"] for row in rows] == ["then", "now"]
    # Null there: it is not known, whatever trains now.
    assert rows[0]["versions.torch"] is None


@pytest.mark.parametrize("memo", [[], [0], [0, 1], [0, 1, 2], [1, 2]])
def test_what_was_looked_ahead_is_booked_once_and_in_its_turn(memo: list[int]) -> None:
    calm, ahead = new_ledger(memo), new_ledger(memo, looks_ahead=True)
    for ledger in (calm, ahead):
        while (entry := ledger.next_entry()) is not None:
            ledger.start(entry)
    names = ("trial", "status", "number")
    told = [
        [tuple(row[name] for name in names) for row in ledger._writer.rows["trials"]]  # type: ignore[attr-defined]
        for ledger in (calm, ahead)
    ]
    assert told[0] == told[1]
    assert len(told[0]) == 3


def test_counts_follow_every_status() -> None:
    ledger = new_ledger(memo=[1])
    first, second = next_of(ledger), next_of(ledger)
    assert (ledger.count("running"), ledger.count("cached")) == (2, 1)
    ledger.end(first, "failed")
    ledger.interrupt()
    assert second.status == "interrupted"
    statuses = ("running", "cached", "failed", "interrupted")
    assert [ledger.count(status) for status in statuses] == [0, 1, 1, 1]
    assert ledger.num_ended == 2


def test_counts_need_no_walk_over_the_trials() -> None:
    ledger = new_ledger()
    next_of(ledger)
    # What the thread of a live table meets while the driver adds a trial.
    ledger.entries = None  # type: ignore[assignment]
    assert (ledger.count("running"), ledger.num_ended) == (1, 0)


def test_a_checkpoint_that_goes_changes_nothing_else_of_a_row() -> None:
    ledger = new_ledger()
    entry = next_of(ledger)
    ledger.report(entry, 1, epoch(1.0))
    ledger.end(entry, "completed", summary={"checkpoint": "somewhere"})
    before = last_row(ledger)
    for _ in range(2):
        ledger.note_gone(entry.trial.key, "--keep-checkpoints best")
    gone = {"checkpoint": None, "checkpoint_gone": "--keep-checkpoints best"}
    assert last_row(ledger) == {**before, **gone}
    writer = ledger._writer
    assert isinstance(writer, FakeWriter)
    assert [row["status"] for row in writer.rows["trials"]] == [
        "running",
        "completed",
        "completed",
    ]


def test_numbers_go_on_after_those_of_earlier_sessions() -> None:
    left = Leftover(1, 2, frozenset(), "", started=5.0)
    ledger = new_ledger(leftovers={1: left}, before=["completed", "interrupted"])
    entries = [next_of(ledger) for _ in range(3)]
    assert [entry.number for entry in entries] == [2, 1, 3]
    assert [entry.attempt for entry in entries] == [0, 3, 0]
    ledger.start(entries[1])
    assert entries[1].started == 5.0
    assert ledger.num_ended == 1


def test_an_audience_that_fails_is_dropped_and_the_sweep_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = new_ledger()
    broken, sound = Watcher(ValueError("two\nlines")), Watcher()
    ledger.tell(broken)
    ledger.tell(sound)
    entry = next_of(ledger)
    ledger.report(entry, 1, epoch(1.0))
    ledger.end(entry, "completed")
    assert [what for what, _ in broken.told] == ["epoch"]
    assert [what for what, _ in sound.told] == ["epoch", "end"]
    assert capsys.readouterr().err == (
        "Watcher failed and is told no more of this sweep, which goes on: "
        "ValueError: two lines\n"
    )


def test_an_audience_may_fail_when_a_trial_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = new_ledger(memo=[0])
    ledger.tell(Watcher(BrokenPipeError()))
    entry = next_of(ledger)
    ledger.end(entry, "completed")
    assert ledger.count("completed", "cached") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_trial_that_goes_on_as_another_counts_once() -> None:
    left = Leftover(0, 0, frozenset(), "folder", began_as="old", mixed="torch")
    rows = [{"trial": "old", "status": "completed", "number": 0}]
    ledger = new_ledger(leftovers={0: left}, rows=rows)
    assert ledger.num_ended == 0
    entry = next_of(ledger)
    ledger.recall(entry, [epoch(1.0), epoch(2.0)])
    ledger.end(entry, "completed")
    found = ledger._writer.rows["trials"]  # type: ignore[attr-defined]
    told = [(row["trial"], row["status"], row["number"]) for row in found]
    key = entry.trial.key
    assert told == [(key, "running", 0), ("old", "extended", 0), (key, "completed", 0)]
    assert found[1]["status_reason"] == f"went on as {key}"
    assert [found[2][name] for name in ("began_as", "mixed")] == ["old", "torch"]
    assert next_of(ledger).number == 1
    assert ledger.num_ended == 1


def test_a_failure_is_booked_without_the_secrets_in_its_text() -> None:
    ledger = new_ledger()
    url = "https://me:" + "hunter2@host/x"
    ledger.end(next_of(ledger), "failed", reason=f"no {url}", error=f"E: {url} gone")
    row = last_row(ledger)
    assert row["status_reason"] == "no https://me:***@host/x"
    assert row["error"] == "E: https://me:***@host/x gone"
