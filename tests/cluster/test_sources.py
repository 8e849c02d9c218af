"""What trials take from trials before them, on a cluster: as an axis, in a group."""

from pathlib import Path

import pytest

from raypg.errors import ConfigError
from raypg.results import open_results
from tests.conftest import RunSpace, resume

BASE = '"model.name": "mlp", "model.hidden": 16, "data.fraction": 0.5'
SOURCE = f"SPACE = Ablation(base={{{BASE}}}, axes={{'train.epochs': [3]}})"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))


def source_of(run_space: RunSpace) -> str:
    (key,) = run_space(SOURCE, name="source").ledger.entries
    return key


@pytest.mark.parametrize("workers", [1, 2])
def test_where_trials_start_is_an_axis(run_space: RunSpace, workers: int) -> None:
    trial = source_of(run_space)
    space = f"""SPACE = Ablation(
        base={{{BASE}, "train.epochs": 1}},
        axes={{"train.init": ["", "trial:{trial}"]}},
        seeds=2,
    )"""
    finished = run_space(space, name="transfer", workers_per_trial=workers)
    rows = open_results(finished.store).trials("transfer")
    assert [row["status"] for row in rows] == ["completed"] * 4
    accuracy = {(r["config.train.init"], r["seed"]): r["val.accuracy"] for r in rows}
    for seed in (0, 1):
        assert accuracy[f"trial:{trial}", seed] > accuracy["", seed]
    assert resume(finished).ledger.count("completed") == 4


def test_a_source_that_is_not_there_stops_a_sweep_before_it_starts(
    run_space: RunSpace,
) -> None:
    space = f"""SPACE = Ablation(
        base={{{BASE}}}, axes={{"train.init": ["", "trial:{"0" * 16}"]}}
    )"""
    with pytest.raises(ConfigError, match="must name a completed trial of the store"):
        run_space(space, name="transfer")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_temperature_of_a_teacher_is_an_axis(
    run_space: RunSpace, workers: int
) -> None:
    trial = source_of(run_space)
    space = f"""SPACE = Ablation(
        base={{{BASE}, "train.epochs": 2, "train.teacher": "{trial}"}},
        axes={{"train.distill_temperature": [1.0, 4.0]}},
    )"""
    finished = run_space(space, name="distilled", workers_per_trial=workers)
    rows = open_results(finished.store).trials("distilled")
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert {row["config.train.teacher"] for row in rows} == {trial}
    assert rows[0]["val.loss"] != rows[1]["val.loss"]
    teacher = open_results(finished.store).trials("source")[0]
    assert teacher["config.train.teacher"] == ""


def test_a_teacher_that_is_not_there_stops_a_sweep_before_it_starts(
    run_space: RunSpace,
) -> None:
    space = f"""SPACE = Ablation(
        base={{{BASE}, "train.teacher": "{"0" * 16}"}},
        axes={{"train.distill_temperature": [1.0, 4.0]}},
    )"""
    with pytest.raises(ConfigError, match="must name a completed trial of the store"):
        run_space(space, name="distilled")
