"""What was appended is in the tables, whatever the store does meanwhile."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raypg.errors import StoreError
from raypg.results.append import SweepWriter
from raypg.results.query import open_results
from raypg.store import Store
from tests.buckets import each_kind, new_bucket
from tests.results.sweeps import epoch_row, new_store, trial_row, write

METRIC = st.one_of(st.none(), st.floats(width=32, allow_nan=False))
ROWS = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.integers(0, 5)),
    st.dictionaries(st.sampled_from(["val.loss", "val.top5", "lr", "mine"]), METRIC),
    max_size=12,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, flush_after=st.integers(0, 12), compact=st.booleans())
def test_a_table_read_back_is_what_was_written(
    tmp_path: Path,
    rows: dict[tuple[str, int], dict[str, float | None]],
    flush_after: int,
    compact: bool,
) -> None:
    store = Store(str(tmp_path))
    store.write_description(sweep := store.create_next_sweep("depth"), {})
    writer = SweepWriter(store, sweep)
    for number, ((trial, epoch), metrics) in enumerate(rows.items()):
        if number == flush_after:
            assert writer.flush()
        writer.append("epochs", epoch_row(trial, epoch, **metrics))
    writer.close(compact=compact)
    found = {
        (row["trial"], row["epoch"]): row for row in open_results(store).epochs(sweep)
    }
    assert found.keys() == rows.keys()
    for key, metrics in rows.items():
        for name, value in metrics.items():
            cell = found[key].get(name)
            assert (None if cell is None else np.float32(cell)) == value


def test_rows_are_there_within_a_second_of_their_appending(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("a", 1))
    time.sleep(1)
    assert open_results(store).known_epochs("depth") == {"a": {1}}
    writer.close()


def test_a_missing_number_is_null_and_a_zero_is_a_zero(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row("a", 1), epoch_row("a", 2, lr=0.0)])
    assert [row["lr"] for row in open_results(store).epochs("depth")] == [None, 0.0]


def test_the_newest_row_of_a_trial_counts_over_sessions(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", trials=[trial_row("a", "running"), trial_row("b", "running")])
    write(store, "depth", trials=[trial_row("a", "interrupted")], compact=False)
    write(store, "depth", trials=[trial_row("a"), trial_row("c", "failed")])
    rows = open_results(store).trials("depth")
    found = {row["trial"]: row["status"] for row in rows}
    assert found == {"a": "completed", "b": "running", "c": "failed"}


def test_a_column_that_comes_late_is_null_before(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    late = epoch_row("a", 2, **{"val.top5": 0.5, "note": "late"})
    write(store, "depth", epochs=[epoch_row("a", 1), late, epoch_row("a", 3)])
    rows = open_results(store).epochs("depth")
    assert [row["val.top5"] for row in rows] == [None, 0.5, None]
    assert [row["note"] for row in rows] == [None, "late", None]


def test_a_value_of_the_wrong_type_costs_its_cell_alone(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("a", 1, **{"val.loss": "high", "lr": 0.5}))
    writer.append("epochs", epoch_row("a", 2, **{"val.loss": 1.0, "val": 3}))
    writer.close()
    rows = open_results(store).epochs("depth")
    assert [row["val.loss"] for row in rows] == [None, 1.0]
    assert [row["lr"] for row in rows] == [0.5, None]
    assert len(writer.problems()) == 2


@pytest.mark.parametrize(
    "value",
    [[1, "a"], {"a": 1}, b"x", 2**70, "\ud800", object(), Path("x"), [[1], [2]]],
)
def test_no_value_keeps_the_rest_from_the_tables(tmp_path: Path, value: object) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    for epoch in (1, 2):
        writer.append("epochs", epoch_row("a", epoch, strange=value, lr=0.5))
        assert writer.flush()
    writer.close()
    assert [row["lr"] for row in open_results(store).epochs("depth")] == [0.5, 0.5]


def test_a_full_disk_delays_rows_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "depth")
    told: list[str] = []
    writer = SweepWriter(store, "depth", on_problem=told.append)
    writer.append("epochs", epoch_row("a", 1))
    assert writer.flush()
    with monkeypatch.context() as patch:
        patch.setattr("raypg.folder.os.write", _fill_up)
        writer.append("epochs", epoch_row("a", 2))
        assert not writer.flush()
        assert open_results(store).known_epochs("depth") == {"a": {1}}
    writer.append("epochs", epoch_row("a", 3))
    assert writer.flush()
    assert open_results(store).known_epochs("depth") == {"a": {1, 2, 3}}
    writer.close()
    assert len(told) == 1
    assert "No space left" in told[0]


def test_rows_that_never_could_be_written_are_an_error_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    monkeypatch.setattr("raypg.results.append.CLOSE_PATIENCE_S", 0.0)
    monkeypatch.setattr("raypg.folder.os.write", _fill_up)
    writer.append("epochs", epoch_row("a", 1))
    with pytest.raises(StoreError, match="1 rows that could not be"):
        writer.close()


def test_a_row_after_the_end_is_told_and_not_raised(tmp_path: Path) -> None:
    writer = SweepWriter(new_store(tmp_path, "depth"), "depth")
    writer.close()
    writer.append("epochs", epoch_row("a", 1))
    writer.close()
    assert "after the sweep was closed" in writer.problems()[0]


def test_an_append_costs_the_caller_microseconds(tmp_path: Path) -> None:
    writer = SweepWriter(new_store(tmp_path, "depth"), "depth")
    row = epoch_row("a", 1, **{f"metric.{i}": 0.5 for i in range(20)})
    start = time.perf_counter()
    for _ in range(200):
        writer.append("epochs", row)
    # 50 µs is the goal, some 3 the fact; a busy machine may take a hundred times that.
    assert (time.perf_counter() - start) / 200 < 500e-6
    writer.close()


@each_kind
def test_a_bucket_holds_the_same_tables(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"{new_bucket(kind, monkeypatch)}/runs")
    store.write_description(sweep := store.create_next_sweep("depth"), {})
    writer = SweepWriter(store, sweep)
    for epoch in range(1, 4):
        writer.append("epochs", epoch_row("a", epoch, **{"val.loss": 1 / epoch}))
        writer.append("trials", trial_row("a", "running"))
        writer.flush()
    results = open_results(store)
    count = "select count(*) as n, min(val.loss) as low from epochs"
    live: list[Any] = results.sql(count).to_pylist()
    writer.append("trials", trial_row("a"))
    writer.close()
    assert live == results.sql(count).to_pylist()
    assert live[0]["n"] == 3
    assert list(results.completed()) == ["a"]
    assert [line.completed for line in results.sweeps()] == [1]


def test_a_reader_of_a_bucket_reads_again_when_compaction_came_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store(new_bucket("s3", monkeypatch))
    store.write_description("depth", {})
    write(store, "depth", epochs=[epoch_row("a", 1)])
    (lost,) = store.files("depth/tables/epochs")
    real, reads = Store.open, []

    def open_and_lose(self: Store, path: str) -> object:
        handle = real(self, path)
        reads.append(path)
        if len(reads) == 1:
            write(store, "depth", epochs=[epoch_row("a", 2)])
            assert lost not in store.files("depth/tables/epochs")
        return handle

    monkeypatch.setattr(Store, "open", open_and_lose)
    assert open_results(store).known_epochs("depth") == {"a": {1, 2}}


def _fill_up(descriptor: int, piece: bytes) -> int:
    """A disk with room for ten more bytes."""
    os.pwrite(descriptor, bytes(piece[:10]), os.fstat(descriptor).st_size)
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_resume_reads_the_epochs_of_those_that_go_on_alone(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row(t, e) for t in "ab" for e in (1, 2)])
    results = open_results(store)
    assert results.known_epochs("depth", ["b", "c"]) == {"b": {1, 2}}
    assert results.known_epochs("depth", []) == {}


def test_curves_are_in_order_and_show_a_missing_number(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    rows = [
        epoch_row("b", 1, **{"val.loss": 0.5}),
        epoch_row("a", 2),
        epoch_row("a", 1),
    ]
    rows.append(epoch_row("a", 1, 1, **{"val.loss": 0.25}))
    write(store, "depth", epochs=rows)
    curves = open_results(store).curves("depth", "val.loss")
    assert curves == {"a": [(1, 0.25), (2, None)], "b": [(1, 0.5)]}
