"""A study as Optuna itself loads it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from raypg.errors import ResultsError
from raypg.exchange import read_sweep
from raypg.exchange.export_optuna import export_optuna
from raypg.results import open_results
from tests.exchange.sweeps import START, new_ablation, read_search


@contextmanager
def loaded(path: Path) -> Iterator[optuna.Study]:
    if path.suffix == ".log":
        journal = JournalStorage(JournalFileBackend(str(path)))
        yield optuna.load_study(study_name=None, storage=journal)
        return
    storage = RDBStorage(f"sqlite:///{path}")
    try:
        yield optuna.load_study(study_name=None, storage=storage)
    finally:
        storage.remove_session()
        storage.engine.dispose()


@pytest.mark.parametrize("name", ["lr.db", "lr.log"])
def test_optuna_loads_the_trials_of_a_search(tmp_path: Path, name: str) -> None:
    told = export_optuna(read_search(tmp_path), tmp_path / name)
    url = f"sqlite:///{tmp_path / name}" if name == "lr.db" else f"{tmp_path / name}"
    assert told == f"Open with: optuna-dashboard {url}"
    with loaded(tmp_path / name) as study:
        trials, best = study.trials, study.best_trial
        assert study.study_name == "lr"
        assert study.direction == optuna.study.StudyDirection.MAXIMIZE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert study.metric_names == ["val.accuracy"]
    states = [trial.state for trial in trials]
    assert states == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.COMPLETE,
    ]
    assert (best.number, best.value) == (3, 1.0)
    assert trials[0].intermediate_values == {1: 0.25, 2: 0.5, 3: 0.75}
    assert trials[3].intermediate_values == trials[0].intermediate_values
    assert trials[0].user_attrs["trial"] == "a" * 16
    assert trials[0].user_attrs["num_parameters"] == 1000
    begun = trials[1].datetime_start
    assert begun is not None
    assert begun.timestamp() == START.timestamp() + 60


def test_several_metrics_are_those_of_the_study(tmp_path: Path) -> None:
    rows = read_search(tmp_path)
    several = {"metrics": ["val.accuracy:max", "num_parameters:min"]}
    (first, *_), about = rows.trials, {**rows.about, **several}
    lacking = {**first, "trial": "b" * 16, "num_parameters": None}
    export_optuna(
        replace(rows, about=about, trials=[first, lacking]), tmp_path / "lr.log"
    )
    with loaded(tmp_path / "lr.log") as study:
        assert [one.name for one in study.directions] == ["MAXIMIZE", "MINIMIZE"]
        whole, other = study.trials
        assert whole.values == [pytest.approx(0.7), 1000]
        assert (whole.intermediate_values, other.state) == ({}, TrialState.FAIL)
        assert [one.number for one in study.best_trials] == [0]


def test_distributions_hold_the_values_that_trials_had(tmp_path: Path) -> None:
    export_optuna(read_search(tmp_path), tmp_path / "lr.log")
    with loaded(tmp_path / "lr.log") as study:
        assert study.trials[0].distributions == {
            "optimizer.lr": FloatDistribution(1e-4, 1.0, log=True),
            "model.depth": IntDistribution(22, 40),
            "optimizer.name": CategoricalDistribution(["sgd"]),
        }
        assert study.trials[1].params["optimizer.lr"] == 1e-4


def test_the_axes_of_an_ablation_are_categories(tmp_path: Path) -> None:
    rows = read_sweep(open_results(new_ablation(tmp_path)), "depth")
    export_optuna(rows, tmp_path / "depth.log")
    with loaded(tmp_path / "depth.log") as study:
        assert study.direction == optuna.study.StudyDirection.MINIMIZE
        depths = CategoricalDistribution([22, 40])
        assert study.trials[0].distributions == {"model.depth": depths}
        seeds = [trial.user_attrs["seed"] for trial in study.trials]
        assert seeds == [0, 1, 0, 1]


def test_a_file_that_holds_something_stays(tmp_path: Path) -> None:
    path = tmp_path / "lr.db"
    path.write_text("mine")
    with pytest.raises(ResultsError, match="found a file of 4 bytes"):
        export_optuna(read_search(tmp_path), path)
    assert path.read_text() == "mine"
