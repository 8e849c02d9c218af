"""A trial's row is written last: no death leaves a completed trial half written."""

import errno
from pathlib import Path
from typing import Any

import pytest

from raypg.results.append import SweepWriter
from raypg.results.query import open_results
from raypg.results.segments import SegmentWriter
from raypg.store import Store
from tests.books import epoch, new_ledger, next_of
from tests.fakes import FakeWriter
from tests.results.sweeps import epoch_row, new_store, trial_row


@pytest.fixture(autouse=True)
def slow_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written when a test says so, by no thread."""
    monkeypatch.setattr("raypg.results.append.LOCAL_FLUSH_S", 3600.0)


def fail_for(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Have the store take no row of one table."""
    real = SegmentWriter.append

    def append(self: SegmentWriter, rows: Any) -> bool:  # noqa: ANN401
        if self._table == table:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, rows)

    monkeypatch.setattr(SegmentWriter, "append", append)


def complete(writer: SweepWriter) -> None:
    """What the ledger appends of a trial of one epoch, from its start to its end."""
    writer.append("epochs", epoch_row("a", 1))
    writer.append("test_results", {"trial": "a", "attempt": 0, "test.accuracy": 0.5})
    writer.append("trials", trial_row("a"))


def statuses(store: Store) -> list[str]:
    return [row["status"] for row in open_results(store).trials("depth")]


@pytest.mark.parametrize("table", ["epochs", "test_results"])
def test_no_trial_is_completed_while_its_other_rows_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    writer.append("trials", trial_row("a", "running"))
    assert writer.flush()
    with monkeypatch.context() as patch:
        fail_for(patch, table)
        complete(writer)
        assert not writer.flush()
        # Read as a resume would, were the driver killed here.
        assert statuses(store) == ["running"]
        assert open_results(store).completed() == {}
        (problem,) = writer.problems()
        assert problem.startswith(f"{table}: rows wait to be written: ")
    assert writer.flush()
    assert statuses(store) == ["completed"]
    assert open_results(store).known_epochs("depth") == {"a": {1}}
    writer.close()


def test_rows_that_come_between_the_tables_wait_for_the_next_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("b", 1))
    real = SegmentWriter.append

    def append_and_complete(self: SegmentWriter, rows: Any) -> bool:  # noqa: ANN401
        monkeypatch.setattr(SegmentWriter, "append", real)
        complete(writer)
        return real(self, rows)

    monkeypatch.setattr(SegmentWriter, "append", append_and_complete)
    with writer._write_lock:
        assert writer._flush()
    assert statuses(store) == []
    assert writer.flush()
    assert statuses(store) == ["completed"]
    assert open_results(store).known_epochs("depth") == {"a": {1}, "b": {1}}
    writer.close()


def test_rows_that_wait_are_written_once_and_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    with monkeypatch.context() as patch:
        fail_for(patch, "epochs")
        for status in ("running", "completed"):
            writer.append("epochs", epoch_row("a", 1, lr=0.5))
            writer.append("trials", trial_row("a", status))
            assert not writer.flush()
    writer.close()
    assert statuses(store) == ["completed"]
    assert open_results(store).sql("select lr from epochs").to_pylist() == [{"lr": 0.5}]


def test_a_flush_that_is_interrupted_leaves_the_rest_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    complete(writer)
    real = SegmentWriter.append

    def interrupt(self: SegmentWriter, rows: Any) -> bool:  # noqa: ANN401
        real(self, rows)
        raise KeyboardInterrupt("here")

    with monkeypatch.context() as patch:
        patch.setattr(SegmentWriter, "append", interrupt)
        with pytest.raises(KeyboardInterrupt, match="here"):
            writer.flush()
    assert statuses(store) == []
    writer.close()
    assert statuses(store) == ["completed"]
    assert open_results(store).sql("from test_results").num_rows == 1


def test_the_ledger_appends_a_trial_behind_all_else_of_it() -> None:
    ledger = new_ledger()
    written: list[str] = []

    class Listener(FakeWriter):
        def append(self, table: str, row: Any) -> None:  # noqa: ANN401
            written.append(table)

    ledger._writer = Listener()
    entry = next_of(ledger)
    ledger.report(entry, 1, epoch(1.0))
    ledger.end(entry, "completed", test={"test.accuracy": 0.5})
    assert written[-3:] == ["epochs", "test_results", "trials"]
