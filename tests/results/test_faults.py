"""Torn writes, killed processes, crashed compactions: no row lost, none twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from raypg.results.append import SweepWriter
from raypg.results.compact import compact
from raypg.results.query import open_results
from raypg.results.read import read_newest
from raypg.store import Store
from tests.results.sweeps import epoch_row, new_store, trial_row, write
from tests.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]
FOLDER = "depth/tables/epochs"

WRITER = """
import sys, time
from raypg.results.append import SweepWriter
from raypg.store import Store
writer = SweepWriter(Store(sys.argv[1]), "depth")
epoch = 0
while True:
    epoch += 1
    writer.append("epochs", {"trial": "a", "attempt": 0, "epoch": epoch, "lr": 0.1})
    print(epoch, time.time(), flush=True)
    time.sleep(0.002)
"""


def test_a_segment_torn_at_any_byte_keeps_its_earlier_batches(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    sizes = []
    for epoch in (1, 2, 3):
        writer.append("epochs", epoch_row("a", epoch))
        writer.flush()
        (name,) = store.files(FOLDER)
        sizes.append(len(store.read(f"{FOLDER}/{name}")))
    writer.close(compact=False)
    whole = store.read(f"{FOLDER}/{name}")
    for size in range(sizes[1], sizes[2]):
        store.write_whole(f"{FOLDER}/{name}", whole[:size])
        rows = read_newest(store, "depth", "epochs", ["epoch"])
        assert rows["epoch"].to_pylist() == [1, 2]
    store.write_whole(f"{FOLDER}/{name}", whole[:100])
    assert read_newest(store, "depth", "epochs").num_rows == 0


def test_a_torn_segment_is_said_once_and_the_rest_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store(tmp_path, "depth")
    name = write_torn(store)
    for _ in range(2):
        assert open_results(store).known_epochs("depth") == {"a": {1, 2}}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{store.path(FOLDER, name)}: its last ")
    assert line.endswith(
        " bytes are torn and left out; rows in them are lost unless --resume writes "
        "them again"
    )


def test_a_segment_that_is_being_written_is_not_called_torn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store(tmp_path, "depth")
    write_torn(store)
    with closing(store.lock_sweep("depth")):
        assert open_results(store).known_epochs("depth") == {"a": {1, 2}}
    assert capsys.readouterr().err == ""


def test_a_torn_segment_is_said_before_it_is_compacted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = new_store(tmp_path, "depth")
    name = write_torn(store)
    write(store, "depth", epochs=[epoch_row("a", 3)])
    assert name in capsys.readouterr().err
    assert open_results(store).known_epochs("depth") == {"a": {1, 2, 3}}
    assert name not in store.files(FOLDER)


def write_torn(store: Store) -> str:
    """Three epochs, of which the last one's batch lacks a byte; the segment's name."""
    writer = SweepWriter(store, "depth")
    for epoch in (1, 2, 3):
        writer.append("epochs", epoch_row("a", epoch))
        writer.flush()
    writer.close(compact=False)
    (name,) = store.files(FOLDER)
    store.write_whole(f"{FOLDER}/{name}", store.read(f"{FOLDER}/{name}")[:-1])
    return name


def test_a_full_disk_delays_rows_and_a_free_one_takes_them(
    small_disk: SmallDisk,
) -> None:
    store = new_store(small_disk.folder, "depth")
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("a", 1))
    assert writer.flush()
    small_disk.fill()
    big = epoch_row("a", 2, note="x" * 8192)
    writer.append("epochs", big)
    assert not writer.flush()
    assert "No space left on device" in writer.problems()[0]
    assert open_results(store).known_epochs("depth") == {"a": {1}}
    small_disk.free()
    writer.append("epochs", epoch_row("a", 3))
    writer.close()
    assert open_results(store).known_epochs("depth") == {"a": {1, 2, 3}}


@pytest.mark.parametrize("compact", [False, True])
def test_a_clock_that_goes_backwards_changes_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compact: bool
) -> None:
    store, now = new_store(tmp_path, "depth"), time.time()
    clock = SimpleNamespace(**vars(time))
    monkeypatch.setattr("raypg.results.append.time", clock)
    for session in range(3):
        clock.time_ns = lambda at=now - 86_400 * session: int(at * 1e9)
        rows = [epoch_row("a", e, session, lr=session) for e in (1, 2 + session)]
        status = "completed" if session == 2 else "interrupted"
        write(
            store,
            "depth",
            epochs=rows,
            trials=[trial_row("a", status, attempt=session)],
            compact=compact,
        )
    epochs = open_results(store).epochs("depth")
    assert [(row["epoch"], row["lr"]) for row in epochs] == [
        (1, 2.0),
        (2, 0.0),
        (3, 1.0),
        (4, 2.0),
    ]
    (trial,) = open_results(store).trials("depth")
    assert (trial["status"], trial["attempt"]) == ("completed", 2)


def test_a_sweep_that_ended_before_it_began_took_no_known_time(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    row = trial_row("a", started=noon, finished=noon - timedelta(hours=1))
    write(store, "depth", trials=[row])
    (line,) = open_results(store).sweeps()
    assert line.seconds is None


def test_a_killed_writer_loses_at_most_a_second(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    command = [sys.executable, "-c", WRITER, store.uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(700)]
    process.send_signal(signal.SIGKILL)
    killed = time.time()
    lines += process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    written = open_results(store).known_epochs("depth")["a"]
    assert written == set(range(1, len(written) + 1))
    due = [int(line.split()[0]) for line in lines if _age(line, killed) > 1]
    assert due
    assert set(due) <= written
    write(store, "depth", epochs=[epoch_row("a", 0)])
    assert open_results(store).known_epochs("depth")["a"] == {0, *written}


def test_a_reader_never_sees_a_row_twice_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.results.append.MAX_SEGMENTS", 3)
    monkeypatch.setattr("raypg.results.segments.MAX_BATCHES", 2)
    store = new_store(tmp_path, "depth")
    flushed, stop = [0], threading.Event()

    def work() -> None:
        writer = SweepWriter(store, "depth")
        while not stop.is_set():
            writer.append("epochs", epoch_row("a", flushed[0] + 1))
            writer.flush()
            flushed[0] += 1
        writer.close()

    thread = threading.Thread(target=work)
    thread.start()
    query = (
        "select count(*) as n, count(distinct epoch) as d, max(epoch) as m from epochs"
    )
    try:
        for _ in range(25):
            least = flushed[0]
            (found,) = open_results(store).sql(query).to_pylist()
            assert found["n"] == found["d"] == (found["m"] or 0) >= least
    finally:
        stop.set()
        thread.join()
    assert len(store.files(FOLDER)) == 1
    assert open_results(store).sql("from epochs").num_rows == flushed[0]


@pytest.mark.parametrize("num_deleted", [0, 1, 2])
def test_a_compaction_that_dies_doubles_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_deleted: int
) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row("a", 1)])
    for epoch in (2, 3):
        write(store, "depth", epochs=[epoch_row("a", epoch)], compact=False)
    deleted: list[str] = []

    def delete_some(self: Store, path: str) -> None:
        if len(deleted) == num_deleted:
            raise OSError("died")
        deleted.append(path)
        os.unlink(self.path(path))

    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete", delete_some)
        with pytest.raises(OSError, match="died"):
            compact(store, "depth", "epochs", growing="", is_last=True)
    assert len(store.files(FOLDER)) == 4 - num_deleted
    assert open_results(store).sql("from epochs").num_rows == 3
    write(store, "depth", epochs=[epoch_row("a", 4)])
    assert open_results(store).known_epochs("depth") == {"a": {1, 2, 3, 4}}
    assert len(store.files(FOLDER)) == 1


def test_a_segment_that_grows_is_not_compacted(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row("a", 1)], compact=False)
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("a", 2))
    writer.flush()
    growing = store.files(FOLDER)[1]
    compact(store, "depth", "epochs", growing=growing, is_last=True)
    assert [name for name in store.files(FOLDER) if name.endswith("arrows")] == [
        growing
    ]
    writer.close()


def test_the_newest_attempt_of_an_epoch_counts(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    first = [epoch_row("a", e, 0, lr=0.5) for e in (1, 2, 3)] + [epoch_row("b", 1)]
    again = [epoch_row("a", e, 1, lr=0.25) for e in (3, 4)]
    write(store, "depth", epochs=[*first, *again], compact=False)
    live = open_results(store).epochs("depth")
    write(store, "depth", epochs=[epoch_row("a", 4, 2, lr=0.125)])
    small = open_results(store).epochs("depth")
    assert [row["lr"] for row in live] == [0.5, 0.5, 0.25, 0.25, None]
    assert [row["lr"] for row in small] == [0.5, 0.5, 0.25, 0.125, None]


def test_an_old_attempt_in_a_part_gives_way_to_a_new_one_in_a_segment(
    tmp_path: Path,
) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row("a", 1), epoch_row("b", 1)])
    writer = SweepWriter(store, "depth")
    writer.append("epochs", epoch_row("a", 1, 1, lr=0.5))
    writer.flush()
    rows = open_results(store).epochs("depth")
    assert [(row["trial"], row["lr"]) for row in rows] == [("a", 0.5), ("b", None)]
    writer.close()


def test_a_live_sweep_is_compacted_as_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raypg.results.append.MAX_SEGMENTS", 4)
    monkeypatch.setattr("raypg.results.segments.MAX_BATCHES", 1)
    store = new_store(tmp_path, "depth")
    writer = SweepWriter(store, "depth")
    for epoch in range(12):
        writer.append("epochs", epoch_row("a", epoch))
        writer.append("trials", trial_row("a", "running", num_epochs=epoch))
        writer.flush()
        time.sleep(0.02)
    names = store.files(FOLDER)
    assert any(name.endswith(".parquet") for name in names)
    assert len(names) < 12
    writer.close()
    assert open_results(store).trials("depth")[0]["num_epochs"] == 11


def _age(line: str, now: float) -> float:
    words = line.split()
    return now - float(words[1]) if len(words) == 2 else 0.0
