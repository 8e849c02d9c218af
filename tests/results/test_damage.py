"""Damaged files of tables: the rest is read, the loss is said, no value is another."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raypg.errors import ResultsError
from raypg.results import blocks, compact, parts, predictions, segments
from raypg.results.__main__ import main
from raypg.results.append import SweepWriter
from raypg.results.query import open_results
from raypg.results.read import read_newest
from raypg.results.segments import read_segment
from raypg.store import Store
from tests.buckets import each_kind, new_bucket
from tests.command import Command
from tests.results.flips import flip, read_rows
from tests.results.sweeps import epoch_row, new_store, trial_row, write

SEED = 20261130
EPOCHS = "depth/tables/epochs"
TRIALS = "depth/tables/trials"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has read nothing yet."""
    monkeypatch.setattr(parts, "_DAMAGED", set())
    monkeypatch.setattr(parts, "_SAID", set())


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are written as they were before they had checksums."""
    for module in (segments, predictions):
        monkeypatch.setattr(module, "seal_message", lambda message: message)
    monkeypatch.setattr(compact, "seal_part", lambda content: (content, "old"))


def sweep_of(folder: Path, *, is_compact: bool, num_batches: int = 4) -> Store:
    """Some epochs of two trials, in batches of their own, with words and gaps."""
    store = new_store(folder, "depth")
    writer = SweepWriter(store, "depth")
    numbers = random.Random(SEED)
    for epoch in range(num_batches):
        for trial in ("a", "b"):
            more = {"val.accuracy": numbers.random(), "note": f"{trial}{epoch}"}
            more |= {"val.loss": numbers.random()} if epoch % 2 else {}
            writer.append("epochs", epoch_row(trial, epoch, **more))
        writer.flush()
    for trial in ("a", "b"):
        writer.append("trials", trial_row(trial, num_epochs=num_batches))
    writer.close(compact=is_compact)
    return store


def only(store: Store, folder: str) -> str:
    (name,) = store.files(folder)
    return name


def damage(store: Store, path: str, at: float = 0.5) -> None:
    """Flip a bit, at so much of the file."""
    content = store.read(path)
    store.write_whole(path, flip(content, int(8 * len(content) * at)))


def cut(store: Store, path: str) -> None:
    """Take the second half of a file away."""
    content = store.read(path)
    store.write_whole(path, content[: len(content) // 2])


def flips_of(store: Store, name: str, number: int) -> dict[str, int]:
    """What came of so many flips of a file, tried in another process."""
    num_bits = 8 * len(store.read(f"{EPOCHS}/{name}"))
    bits = random.Random(SEED).sample(range(num_bits), number)
    command = [sys.executable, "-m", "tests.results.flips", store.uri, "epochs", name]
    ended = subprocess.run(
        [*command, *map(str, bits)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, int] = json.loads(ended.stdout)
    return found


def test_no_flipped_bit_of_a_part_is_another_value(tmp_path: Path) -> None:
    store = sweep_of(tmp_path, is_compact=True)
    assert flips_of(store, only(store, EPOCHS), 120) == {"said, 0 left": 240}


def test_no_flipped_bit_of_a_segment_is_another_value(tmp_path: Path) -> None:
    store = sweep_of(tmp_path, is_compact=False)
    found = flips_of(store, only(store, EPOCHS), 120)
    # One batch of two rows is lost of four; all are where it is the schema's bit.
    assert found.keys() == {"said, 6 left", "said, 0 left"}
    assert sum(found.values()) == 240


@pytest.mark.usefixtures("unsealed")
@pytest.mark.parametrize("is_compact", [False, True])
def test_a_flipped_bit_of_an_old_file_kills_and_misleads_nobody(
    tmp_path: Path, is_compact: bool
) -> None:
    store = sweep_of(tmp_path, is_compact=is_compact)
    found = flips_of(store, only(store, EPOCHS), 80)
    faults = {o for o in found if o.startswith(("raised", "misled", "silent"))}
    assert not faults
    assert len(found) > 1


@pytest.mark.usefixtures("unsealed")
def test_files_without_checksums_are_read_and_compacted(tmp_path: Path) -> None:
    store = sweep_of(tmp_path, is_compact=True)
    old = only(store, EPOCHS)
    rows = read_rows(store, "epochs", "sql")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "seal_part", blocks.seal_part)
        write(store, "depth", epochs=[epoch_row("c", 1, note="c")])
    assert rows < read_rows(store, "epochs", "sql")
    assert only(store, EPOCHS) != old


@pytest.mark.parametrize("is_compact", [False, True])
def test_checksums_are_in_nobodys_way(tmp_path: Path, is_compact: bool) -> None:
    store = sweep_of(tmp_path, is_compact=is_compact)
    path = store.path(EPOCHS, only(store, EPOCHS))
    if is_compact:
        rows = pq.read_table(path)
    else:
        with pa.memory_map(path) as file, pa.ipc.open_stream(file) as stream:
            rows = stream.read_all()
    assert rows.num_rows == 8
    assert rows.select(["trial", "val"]).num_rows == 8


def test_a_batch_behind_a_damaged_one_is_read(tmp_path: Path) -> None:
    store = sweep_of(tmp_path, is_compact=False)
    content = store.read(f"{EPOCHS}/{only(store, EPOCHS)}")
    (middle,) = [i for i in range(len(content)) if content.startswith(b"a1b1", i)]
    segment = read_segment(flip(content, 8 * middle))
    assert segment.rows is not None
    assert segment.rows["note"].to_pylist() == ["a0", "b0", "a2", "b2", "a3", "b3"]
    assert segment.num_torn == 0
    assert 0 < segment.num_damaged < len(content) / 3


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of several row groups and many blocks, of few rows."""
    monkeypatch.setattr(compact, "GROUP_ROWS", 100)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("way", ["sql", "table"])
def test_the_row_groups_of_a_part_that_are_whole_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", epochs=[epoch_row("a", e, lr=e / 7) for e in range(300)])
    name = only(store, EPOCHS)
    whole = read_rows(store, "epochs", way)
    group = pq.read_metadata(store.path(EPOCHS, name)).row_group(1)
    content = store.read(f"{EPOCHS}/{name}")
    bit = 8 * (group.column(7).data_page_offset + 40)
    store.write_whole(f"{EPOCHS}/{name}", flip(content, bit))
    rows = read_rows(store, "epochs", way)
    assert rows < whole
    assert {json.loads(row)["epoch"] for row in rows} == {*range(100), *range(200, 300)}
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{store.path(EPOCHS, name)}: must be as it was written; found damage: 100 of "
        "its 300 rows are left out. Restore it; or move it away, and what is lost is "
        "trained again by --resume."
    )


@pytest.fixture
def half(tmp_path: Path) -> Store:
    """A store of two sweeps, of which one has its trials cut short."""
    store = new_store(tmp_path, "depth", "width", metric="val.accuracy")
    for sweep, trials in (("depth", "ab"), ("width", "cd")):
        rows = [
            trial_row(t, val__accuracy=0.5, config__model__depth=22) for t in trials
        ]
        write(store, sweep, trials=rows)
    cut(store, f"{TRIALS}/{only(store, TRIALS)}")
    store.delete("depth/tables/digest.json")
    return store


@pytest.mark.parametrize(
    "question",
    [
        ("ls",),
        ("sql", "select trial from trials"),
        ("compare", "trial = 'c'", "trial = 'd'"),
        ("show", "width"),
    ],
)
def test_a_sweep_that_is_cut_short_costs_no_other(
    half: Store,
    question: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = Command(main, half.uri, capsys, monkeypatch)(*question)
    assert said.code == 0
    assert {"sql": "c", "compare": "same"}.get(question[0], "width") in said.out
    lines = said.err.splitlines()
    assert len([line for line in lines if only(half, TRIALS) in line]) == (
        question[0] != "show"
    )


def test_the_memo_has_the_trials_of_all_sweeps_but_the_damaged(
    half: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    results = open_results(half)
    assert sorted(results.completed()) == ["c", "d"]
    assert sorted(results.completed(["a", "c"])) == ["c"]
    assert results.stale([]).num_trials == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(half.path(TRIALS, only(half, TRIALS)))
    assert "all of its 2 rows are left out" in line


def test_a_damaged_description_costs_no_other_sweep(
    half: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    half.write_whole("depth/sweep.json", b'{"kind": ')
    said = Command(main, half.uri, capsys, monkeypatch)("ls")
    assert said.code == 0
    assert "width" in said.out
    assert "depth/sweep.json: must be a sweep's JSON" in said.err


def test_a_sweep_whose_trials_are_damaged_is_not_gone_on_with(half: Store) -> None:
    with pytest.raises(
        ResultsError, match="all of its 2 rows are left out. Restore it; or"
    ):
        SweepWriter(half, "depth")
    half.delete(f"{TRIALS}/{only(half, TRIALS)}")
    SweepWriter(half, "depth").close()


@pytest.mark.parametrize("is_compact", [False, True])
def test_what_is_damaged_is_left_where_it_is(tmp_path: Path, is_compact: bool) -> None:
    store = sweep_of(tmp_path, is_compact=is_compact)
    path = f"{EPOCHS}/{only(store, EPOCHS)}"
    whole = store.read(path)
    damage(store, path, at=0.3)
    write(store, "depth", epochs=[epoch_row("c", 1)])
    assert open_results(store).known_epochs("depth")["c"] == {1}
    store.write_whole(path, whole)  # restored
    known = open_results(store).known_epochs("depth")
    assert known == {"a": {*range(4)}, "b": {*range(4)}, "c": {1}}


@each_kind
def test_a_damaged_part_of_a_bucket_is_left_out(
    kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(new_bucket(kind, monkeypatch))
    store.write_description("depth", {})
    write(store, "depth", epochs=[epoch_row("a", 1)])
    whole = only(store, EPOCHS)
    monkeypatch.setattr(blocks, "MOST_FETCHED_BYTES", 0)
    assert open_results(store).known_epochs("depth") == {"a": {1}}
    damage(store, f"{EPOCHS}/{whole}", at=0.1)
    for query in ("from epochs", "select lr from epochs"):
        assert open_results(store).sql(query).num_rows == 0
    assert whole in capsys.readouterr().err


def test_an_empty_file_is_a_damaged_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = sweep_of(tmp_path, is_compact=True)
    store.write_whole(f"{EPOCHS}/{only(store, EPOCHS)}", b"")
    assert read_newest(store, "depth", "epochs").num_rows == 0
    assert "all of its 8 rows are left out" in capsys.readouterr().err


def test_a_wrong_query_is_told_from_damage(tmp_path: Path) -> None:
    store = sweep_of(tmp_path, is_compact=True)
    damage(store, f"{EPOCHS}/{only(store, EPOCHS)}", at=0.1)
    with pytest.raises(ResultsError, match='must name columns of epochs; found "lrr"'):
        open_results(store).sql("select lrr from epochs")
    words: Any = open_results(store).sql("select count(lr) as n from epochs")
    assert words.to_pylist() == [{"n": 0}]
