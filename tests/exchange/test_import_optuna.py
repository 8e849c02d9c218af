"""Studies that Optuna itself has written, as sweeps."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from raypg.errors import ResultsError
from raypg.exchange.export_optuna import export_optuna
from raypg.exchange.import_optuna import import_optuna
from raypg.exchange.old import Asked
from tests.exchange.sweeps import read_search


@contextmanager
def storage_of(path: Path) -> Iterator[BaseStorage]:
    if path.suffix == ".log":
        yield JournalStorage(JournalFileBackend(str(path)))
        return
    storage = RDBStorage(f"sqlite:///{path}")
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def objective(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("optimizer.lr", 1e-3, 1.0, log=True)
    trial.suggest_categorical("act", ["relu", 7, None])
    trial.set_user_attr("seed", trial.number)
    trial.set_user_attr("notes", {"by": "hand"})
    for step in range(3):
        trial.report(step / 4, step)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ArithmeticError
    return min(1.0, 0.5 + rate / 4)


def optimize(path: Path, name: str = "old", direction: str = "maximize") -> None:
    with storage_of(path) as storage:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction=direction,  # type: ignore[arg-type]
            sampler=optuna.samplers.RandomSampler(seed=1),
        )
        study.optimize(objective, n_trials=4, catch=ArithmeticError)
        study.enqueue_trial({"optimizer.lr": 0.1})


@pytest.mark.parametrize("name", ["old.db", "old.log"])
def test_params_values_and_steps_have_their_places(tmp_path: Path, name: str) -> None:
    optimize(tmp_path / name)
    old = import_optuna(Asked(str(tmp_path / name)))
    assert (old.metric, old.mode) == ("val.accuracy", "max")
    assert old.source == f'study "old" of {name}'
    statuses = [trial.status for trial in old.trials]
    assert statuses == ["completed", "stopped", "failed", "completed"]
    first, pruned = old.trials[:2]
    rate = first.config["optimizer.lr"]
    assert first.columns["val.accuracy"] == min(1.0, 0.5 + rate / 4)
    assert first.columns["seed"] == 0
    assert first.columns["started"] <= first.columns["finished"]
    assert [(e["epoch"], e["val.accuracy"]) for e in first.epochs] == [
        (1, 0.0),
        (2, 0.25),
        (3, 0.5),
    ]
    assert len(pruned.epochs) == 1
    assert old.taken["param optimizer.lr"] == "config.optimizer.lr"
    assert old.taken["attribute notes"] == "left out"
    assert old.notes == [
        "1 trials that wait are left out",
        "steps are counted from 0: step 0 is epoch 1",
    ]


def test_what_is_minimised_is_a_loss_unless_it_is_named(tmp_path: Path) -> None:
    optimize(tmp_path / "old.log", direction="minimize")
    path = str(tmp_path / "old.log")
    assert import_optuna(Asked(path)).metric == "val.loss"
    named = import_optuna(Asked(path, metric="val.error"))
    assert (named.metric, named.mode) == ("val.error", "min")
    with pytest.raises(ResultsError, match="--mode: must be the study's own, min"):
        import_optuna(Asked(path, mode="max"))
    with pytest.raises(ResultsError, match="must be a column of validation"):
        import_optuna(Asked(path, metric="test.accuracy"))
    with pytest.raises(ResultsError, match="Write --metric val.loss"):
        import_optuna(Asked(path, metric="val.loss=value"))


def test_an_export_comes_back_as_it_was(tmp_path: Path) -> None:
    export_optuna(read_search(tmp_path), tmp_path / "lr.db")
    old = import_optuna(Asked(f"sqlite:///{tmp_path / 'lr.db'}"))
    assert [trial.status for trial in old.trials] == [
        "completed",
        "stopped",
        "failed",
        "completed",
    ]
    assert old.trials[0].columns["arm"] == "optimizer.lr=0.1"
    assert [epoch["epoch"] for epoch in old.trials[3].epochs] == [1, 2, 3]


def test_of_several_studies_one_is_named(tmp_path: Path) -> None:
    optimize(tmp_path / "old.log", "one")
    optimize(tmp_path / "old.log", "two")
    path = str(tmp_path / "old.log")
    with pytest.raises(ResultsError, match="found 2 of them. Name one .*: one, two"):
        import_optuna(Asked(path))
    assert import_optuna(Asked(path, study="two")).source == 'study "two" of old.log'
    with pytest.raises(ResultsError, match='Did you mean "two"'):
        import_optuna(Asked(path, study="twoo"))


def test_a_study_of_two_objectives_is_refused(tmp_path: Path) -> None:
    with storage_of(tmp_path / "old.log") as storage:
        optuna.create_study(storage=storage, directions=["minimize", "maximize"])
    with pytest.raises(ResultsError, match="must have one objective; found 2"):
        import_optuna(Asked(str(tmp_path / "old.log")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "no study"),
        (b"one line\nand another\n", "must be a storage of Optuna"),
        (b'{"op_code": 77}\n{"op_code": 0}\n', "must be a storage of Optuna"),
        (b"SQLite format 3\x00" + b"x" * 200, "must be a storage of Optuna"),
    ],
)
def test_what_is_no_study_is_one_error_and_stays(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "old.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResultsError, match=message):
        import_optuna(Asked(str(path)))
    assert not path.exists() if content is None else path.read_bytes() == content


def test_another_tools_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table mine (x)")
        database.commit()
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="found the tables mine"):
        import_optuna(Asked(str(path)))
    assert path.read_bytes() == before


def test_a_study_that_is_open_elsewhere_is_read(tmp_path: Path) -> None:
    optimize(tmp_path / "old.db")
    with storage_of(tmp_path / "old.db") as storage:
        study = optuna.load_study(study_name="old", storage=storage)
        study.ask()
        states = [
            t.status for t in import_optuna(Asked(str(tmp_path / "old.db"))).trials
        ]
    assert states[-1] == "interrupted"
