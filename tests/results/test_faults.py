"""Torn writes, killed processes, crashed compactions: no row lost, none twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from raypg.results.append import SweepWriter
from raypg.results.compact import compact
from raypg.results.query import open_results
from raypg.results.read import read_newest
from raypg.store import Store
from tests.results.sweeps import epoch_row, new_store, trial_row, write

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
