"""Rows that a bucket did not take: kept here, and taken in exactly once."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from raypg import lease
from raypg.errors import ResultsError, StoreError
from raypg.results import append
from raypg.results.append import SweepWriter
from raypg.results.kept import keep_rows, kept_folder, set_kept_aside, take_in
from raypg.results.query import open_results
from raypg.store import Store
from tests.results.sweeps import epoch_row, trial_row, write
from tests.s3 import Cable, cable, create_bucket


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cable]:
    monkeypatch.setattr(lease, "SETTLE_S", 0.1)
    monkeypatch.setattr(lease, "BEAT_S", 1000.0)  # a deleted lease stays deleted
    monkeypatch.setattr(append, "BUCKET_FLUSH_S", 0.1)
    monkeypatch.setattr(append, "CLOSE_PATIENCE_S", 0.3)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with cable(monkeypatch) as way:
        yield way


@pytest.fixture
def store(way: Cable) -> Store:
    store = Store(create_bucket())
    store.write_description("depth", {})
    return store


def resume(store: Store) -> int:
    """Open the sweep again as `--resume` does; how many rows were taken in."""
    writer = SweepWriter(store, "depth")
    num_taken = take_in(store, "depth", writer, print)
    writer.close()
    return num_taken


def epochs(store: Store) -> list[tuple[int, object]]:
    rows = open_results(store).sql("from epochs order by epoch").to_pylist()
    return [(row["epoch"], row["lr"]) for row in rows]


def test_rows_that_a_lost_store_did_not_take_are_taken_in_once(
    store: Store, way: Cable
) -> None:
    told: list[str] = []
    writer = SweepWriter(store, "depth", on_problem=told.append)
    writer.append("epochs", epoch_row("a", 1))
    assert writer.flush()
    way.cut()
    writer.append("epochs", epoch_row("a", 2, lr=0.5))
    writer.append("trials", trial_row("a", "interrupted", attempt=0))
    folder = kept_folder(store, "depth")
    with pytest.raises(StoreError, match=f"found 2 rows that .* are kept in {folder}"):
        writer.close()
    assert any("2 rows are kept in" in line for line in told)
    way.mend()
    # Its lease was not given back: stand in for the window.
    store.delete("depth/.lease")
    assert epochs(store) == [(1, None)]
    assert [resume(store), resume(store)] == [2, 0]
    assert epochs(store) == [(1, None), (2, 0.5)]
    assert [row["status"] for row in open_results(store).trials("depth")] == [
        "interrupted"
    ]
    assert not folder.exists()


def test_a_store_that_is_back_in_time_takes_the_rows_itself(
    store: Store, way: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "CLOSE_PATIENCE_S", 60)
    told: list[str] = []

    def mend(line: str) -> None:
        told.append(line)
        if "trying for 60 s" in line:
            way.mend()

    writer = SweepWriter(store, "depth", on_problem=mend)
    way.cut()
    writer.append("epochs", epoch_row("a", 1))
    writer.close()
    assert epochs(store) == [(1, None)]
    assert not kept_folder(store, "depth").exists()


def test_a_writer_whose_sweep_was_taken_over_writes_no_more(store: Store) -> None:
    failures: list[str] = []
    first = SweepWriter(store, "depth", on_failure=failures.append)
    first.append("epochs", epoch_row("a", 1))
    assert first.flush()
    store.delete("depth/.lease")
    other = SweepWriter(store, "depth")
    first.append("epochs", epoch_row("a", 2, 0, lr=0.5))
    first.append("epochs", epoch_row("a", 3, 0, lr=0.5))
    assert not first.flush()
    with pytest.raises(StoreError, match=r"2 rows .* \(another process writes it\)"):
        first.close()
    assert len(failures) == 1
    assert "that took it over while this one gave no sign" in failures[0]
    other.append("epochs", epoch_row("a", 2, 1, lr=0.25))
    other.close()
    assert epochs(store) == [(1, None), (2, 0.25)]
    assert resume(store) == 1
    assert epochs(store) == [(1, None), (2, 0.25), (3, 0.5)]


def test_a_writer_whose_sweep_was_taken_over_compacts_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, "depth", epochs=[epoch_row("a", 1)], compact=False)
    first = SweepWriter(store, "depth")
    store.delete("depth/.lease")
    other = SweepWriter(store, "depth")
    other.append("epochs", epoch_row("a", 2))
    assert other.flush()
    first.close()
    assert len(store.files("depth/tables/epochs")) == 2
    other.append("epochs", epoch_row("a", 3))
    other.close()
    assert [epoch for epoch, _ in epochs(store)] == [1, 2, 3]


def test_a_store_that_takes_no_row_for_too_long_ends_its_sweep(
    store: Store, way: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "PATIENCE_S", 0.0)
    failed = Event()
    writer = SweepWriter(store, "depth", on_failure=lambda line: failed.set())
    way.cut()
    writer.append("epochs", epoch_row("a", 1))
    assert failed.wait(60)
    way.mend()
    writer.close()
    assert epochs(store) == [(1, None)]


KEPT = [
    # what the tables have, what was kept, what counts
    ("running 0", "completed 0", "completed 0"),
    ("interrupted 0", "running 1", "running 1"),
    ("failed 0", "completed 1", "completed 1"),
    ("completed 0", "interrupted 0", "completed 0"),
    ("running 1", "completed 0", "running 1"),
]


@pytest.mark.parametrize(("own", "kept", "expected"), KEPT)
def test_a_kept_row_of_a_trial_counts_where_it_says_more(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    kept: str,
    expected: str,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = Store(str(tmp_path / "runs"))
    store.write_description("depth", {})
    write(store, "depth", trials=[trial_of(own)])
    keep_rows(store, "depth", {"trials": [{**trial_of(kept), "row": 99}]})
    resume(store)
    (row,) = open_results(store).trials("depth")
    assert f"{row['status']} {row['attempt']}" == expected


def trial_of(text: str) -> dict[str, object]:
    status, attempt = text.split()
    return trial_row("a", status, attempt=int(attempt))


def test_what_was_kept_of_another_sweep_of_that_name_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store = Store(str(tmp_path / "runs"))
    keep_rows(store, "depth", {"epochs": [epoch_row("a", 1)]})
    aside = Path(set_kept_aside(store, "depth").split(" are now in ")[1])
    store.write_description("depth", {})
    assert resume(store) == 0
    assert list(aside.glob("tables/epochs/*.arrows"))
    assert set_kept_aside(store, "depth") == ""


class Rows(list[object]):
    """A writer that takes every row."""

    def append(self, table: str, row: object = None) -> None:  # type: ignore[override]
        super().append((table, row))

    def flush(self) -> bool:
        return True


def test_a_store_that_cannot_be_read_gets_no_part_of_the_kept_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    store, rows = Store(str(tmp_path / "runs")), Rows()
    kept = {"epochs": [epoch_row("a", 1)], "trials": [trial_of("completed 0")]}
    keep_rows(store, "depth", kept)
    broken = tmp_path / "runs/depth/tables/trials"
    broken.mkdir(parents=True)
    (broken / "part-1.parquet").write_text("torn")
    with pytest.raises(ResultsError, match="part-1.parquet: must be as it was written"):
        take_in(store, "depth", rows, print)
    assert rows == []
    (broken / "part-1.parquet").unlink()
    assert take_in(store, "depth", rows, print) == 2
