"""An import is a sweep, whole or not there, and saves no trial its training."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from raypg.errors import ResultsError, StoreError
from raypg.exchange.book import write_import
from raypg.exchange.export_tune import export_tune
from raypg.exchange.import_tune import import_tune
from raypg.exchange.old import Asked, OldSweep, OldTrial
from raypg.exchange.rows import read_sweep
from raypg.results import open_results
from raypg.store import Store, ignore
from tests.buckets import new_bucket
from tests.command import Command
from tests.exchange.sweeps import new_search
from tests.results.sweeps import new_store, trial_row, write

KILLED = """
import os, signal, sys
from raypg.exchange.book import write_import
from raypg.store import Store, ignore
from tests.exchange.test_book import sweep_of, trial
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
Store.write_description = die
write_import(Store(sys.argv[1]), "old", sweep_of(trial("a"), trial("b")), ignore)
"""


EPOCHS = [{"epoch": n, "val.accuracy": n / 10} for n in (1, 2, 3)]


def trial(
    name: str,
    config: Mapping[str, Any] | None = None,
    status: str = "completed",
    columns: Mapping[str, Any] | None = None,
    test: Mapping[str, Any] | None = None,
) -> OldTrial:
    return OldTrial(
        name=name,
        status=status,
        config=config or {"lr": 0.1},
        epochs=EPOCHS,
        columns=columns or {},
        test=test or {},
    )


def sweep_of(*trials: OldTrial, metric: str = "val.accuracy") -> OldSweep:
    return OldSweep(source="it", metric=metric, mode="max", trials=trials, taken={})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "runs"))


def test_what_follows_from_the_epochs_is_filled_in(store: Store) -> None:
    configs: list[dict[str, Any]] = [{"lr": 0.1, "seed": 3}, {"lr": 0.25, "seed": 4}]
    old = sweep_of(*(trial(f"t{n}", config) for n, config in enumerate(configs)))
    write_import(store, "old", old, ignore)
    first, second = open_results(store).trials("old")
    assert (first["imported"], first["arm"], first["seed"]) == ("t0", "lr=0.1", 3)
    assert (second["number"], second["arm"]) == (1, "lr=0.25")
    assert (first["num_epochs"], first["val.accuracy"]) == (3, 0.3)
    assert (first["best_epoch"], first["best.val.accuracy"]) == (3, 0.3)
    assert first["config.lr"] == 0.1
    assert first["fingerprint.config"] is None
    epochs = open_results(store).epochs("old", first["trial"])
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    about = store.read_description("old")
    assert (about["kind"], about["axes"], about["metric"]) == (
        "import",
        ["lr"],
        "val.accuracy",
    )


def test_settings_of_several_types_are_one_column(store: Store) -> None:
    values: list[tuple[Any, Any]] = [(1, True), (0.5, "auto"), (None, 3)]
    trials = [trial(f"{n}", {"a": a, "b": b}) for n, (a, b) in enumerate(values)]
    write_import(store, "old", sweep_of(*trials), ignore)
    rows = open_results(store).trials("old")
    assert [row["config.a"] for row in rows] == [1.0, 0.5, None]
    assert [row["config.b"] for row in rows] == ["true", "auto", "3"]


def test_the_same_trial_imported_twice_is_the_same_trial(store: Store) -> None:
    for name in ("one", "two"):
        write_import(store, name, sweep_of(trial("a"), trial("b")), ignore)
    results = open_results(store)
    assert results.sql("from trials").num_rows == 4
    assert results.sql("from unique_trials").num_rows == 2


def test_no_import_is_a_memo_hit(store: Store) -> None:
    rows = write_import(store, "old", sweep_of(trial("a"), trial("b")), ignore)
    results = open_results(store)
    assert results.completed() == {}
    assert results.completed([row["trial"] for row in rows]) == {}
    wanted = [{"fingerprint.code": '{"a.py": "1"}'}]
    assert results.stale(wanted).num_trials == 0


@pytest.mark.slow
def test_a_trial_that_was_exported_and_imported_is_trained_all_the_same(
    train: Command, tmp_path: Path
) -> None:
    arguments = ("model.name=mlp", "model.hidden=8", "train.epochs=1", "--threads", "1")
    assert train(*arguments, "--name", "first").code == 0
    rows = read_sweep(open_results(train.store), "first")
    export_tune(rows, tmp_path / "first")
    other = Store(str(tmp_path / "other"))
    write_import(other, "old", import_tune(Asked(str(tmp_path / "first"))), ignore)
    again = Command(train.main, other.uri, train.capsys, train.monkeypatch)
    assert again(*arguments, "--name", "new").code == 0
    results = open_results(other)
    (new,), (old,) = results.trials("new"), results.trials("old")
    assert new["status"] == "completed"
    assert new["trial"] != old["trial"]
    assert new["val.accuracy"] == old["val.accuracy"]
    assert again("--resume", "old").code == 2


def test_a_name_that_is_taken_stays_what_it_is(tmp_path: Path) -> None:
    store = new_store(tmp_path, "old")
    write(store, "old", trials=[trial_row("a")])
    with pytest.raises(StoreError, match="--name old: must be new"):
        write_import(store, "old", sweep_of(trial("b")), ignore)
    assert [row["trial"] for row in open_results(store).trials("old")] == ["a"]


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt("^C")])
def test_a_failed_import_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write_description", fail)
        with pytest.raises(type(error), match=r"full|\^C"):
            write_import(store, "old", sweep_of(trial("a")), ignore)
    assert not store.has_sweep("old")
    write_import(store, "old", sweep_of(trial("a")), ignore)
    assert store.sweeps() == ["old"]


def test_a_killed_import_is_no_sweep_and_the_next_one_takes_its_name(
    store: Store,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, store.uri],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert store.has_sweep("old")
    assert store.sweeps() == []
    write_import(store, "old", sweep_of(trial("a"), trial("c")), ignore)
    results = open_results(store)
    assert [row["imported"] for row in results.trials("old")] == ["a", "c"]
    assert results.sql("from epochs").num_rows == 6


def test_two_imports_of_one_name_are_one(store: Store) -> None:
    store.create_sweep("old")
    store.write_whole("old/.import", b"")
    lock = store.lock_sweep("old")
    with pytest.raises(StoreError, match="--name old: must be new"):
        write_import(store, "old", sweep_of(trial("a")), ignore)
    assert store.has_sweep("old")
    lock.close()


def test_all_that_the_tables_would_not_take_is_told_at_once(tmp_path: Path) -> None:
    store = new_store(tmp_path, "new")
    write(store, "new", trials=[trial_row("a", config__lr=0.1, config__model__depth=3)])
    trials = [
        trial("a", {"lr": "high", "model": 1, "a..b": 1}),
        trial("b", {"x": 1, "x.y": 2}, columns={"val.accuracy": 95.0}),
    ]
    with pytest.raises(ResultsError, match="must have no empty part") as error:
        write_import(store, "old", sweep_of(*trials), ignore)
    told = str(error.value)
    assert '"config.x.y": must not lie below a column; found "config.x"' in told
    assert "must be a ratio in [0, 1]" in told
    assert "found 95 in trial b" in told
    assert "config.lr as" in told
    assert store.sweeps() == ["new"]
    assert not store.has_sweep("old")


def test_a_file_without_trials_makes_no_sweep(store: Store) -> None:
    with pytest.raises(ResultsError, match="it: must hold a trial; found none"):
        write_import(store, "old", sweep_of(), ignore)
    assert not store.exists()


def test_a_bucket_takes_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"{new_bucket('s3', monkeypatch)}/runs")
    test = {"test.accuracy": 0.5}
    write_import(store, "old", sweep_of(trial("a", test=test)), ignore)
    results = open_results(store)
    assert results.sql("from epochs").num_rows == 3
    assert results.sql("select test.accuracy from test_results").num_rows == 1
    assert store.sweeps() == ["old"]


def test_the_epochs_of_an_export_are_those_of_its_import(tmp_path: Path) -> None:
    results = open_results(new_search(tmp_path))
    export_tune(read_sweep(results, "lr"), tmp_path / "lr")
    old = import_tune(Asked(str(tmp_path / "lr")))
    write_import(results.store, "back", old, ignore)
    query = "select epoch, val.accuracy, val.loss, lr, epoch_s from epochs order by all"
    one, other = (results.sql(query, sweeps=[name]) for name in ("lr", "back"))
    assert one.equals(other)
