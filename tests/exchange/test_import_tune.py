"""Experiments of Ray Tune, in true format and from a real run, as sweeps."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.exchange.export_tune import export_tune
from raypg.exchange.import_tune import import_tune
from raypg.exchange.old import Asked
from tests.cluster.processes import plain_environment
from tests.exchange.sweeps import read_search
from tests.exchange.tune_folder import write_state, write_trial

REAL_RUN = """
import sys
import ray
from ray import tune

def train(config):
    for epoch in range(1, 5):
        if config["lr"] < 0:
            raise RuntimeError("boom")
        metrics = {"accuracy": max(0.0, config["lr"]) * epoch / 4, "epoch": epoch}
        tune.report({"val": metrics, "note": "text"})

ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
tune.Tuner(
    train,
    param_space={"lr": tune.grid_search([1.0, 0.1, -1.0]), "model": {"depth": 22}},
    tune_config=tune.TuneConfig(
        metric="val/accuracy", mode="max", max_concurrent_trials=1,
        scheduler=tune.schedulers.ASHAScheduler(
            max_t=4, grace_period=1, reduction_factor=2)),
    run_config=tune.RunConfig(name="exp", storage_path=sys.argv[1], verbose=0),
).fit()
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Completed, stopped early and failed trials."""
    folder = tmp_path / "exp"
    good = [{"val_accuracy": n / 10, "loss": 1 / n, "note": "x"} for n in (1, 2, 3)]
    config = {"lr": 0.1, "model": {"depth": 22}, "sizes": [1, 2], "names": ["a", {}]}
    states = {
        write_trial(folder, "8c059_00000", config, good): "TERMINATED",
        write_trial(folder, "8c059_00001", {"lr": 0.2}, good[:1], is_done=True): (
            "TERMINATED"
        ),
        write_trial(folder, "8c059_00002", {"lr": 0.3}, good[:2], error="E: boom"): (
            "ERROR"
        ),
        write_trial(folder, "8c059_00003", {"lr": 0.4}, good[:2]): "RUNNING",
    }
    write_state(folder, {path.name: state for path, state in states.items()})
    return folder


def test_results_are_epochs_and_params_are_settings(experiment: Path) -> None:
    old = import_tune(Asked(str(experiment)))
    assert (old.metric, old.mode) == ("val.accuracy", "max")
    first = old.trials[0]
    assert first.name == "8c059_00000"
    assert first.config == {
        "lr": 0.1,
        "model.depth": 22,
        "sizes": [1.0, 2.0],
        "names": '["a", {}]',
    }
    assert [epoch["epoch"] for epoch in first.epochs] == [1, 2, 3]
    assert first.epochs[2] == {
        "epoch": 3,
        "time": datetime.fromtimestamp(1795943818, UTC),
        "epoch_s": 10.0,
        "val.accuracy": 0.3,
        "loss": 1 / 3,
    }
    assert first.columns["train_s"] == 30.0
    assert first.columns["node"] == "vm"
    assert old.taken["val_accuracy"] == "val.accuracy (the metric, max)"
    assert old.taken["note"] == "left out: no number"
    assert old.taken["4 names of params.json"].startswith("config.lr, config.model")


def test_the_end_of_a_trial_is_what_tune_says_of_it(experiment: Path) -> None:
    trials = import_tune(Asked(str(experiment))).trials
    ends = ["completed", "stopped", "failed", "interrupted"]
    assert [trial.status for trial in trials] == ends
    reason = "Tune ended it after 1 of at most 3 iterations"
    assert trials[1].columns["status_reason"] == reason
    assert trials[2].columns["error"] == "E: boom"
    assert trials[3].columns["status_reason"] == "Tune left it RUNNING"


def test_without_a_snapshot_the_trials_own_files_tell(experiment: Path) -> None:
    next(experiment.glob("experiment_state-*")).unlink()
    trials = import_tune(Asked(str(experiment))).trials
    ends = ["completed", "stopped", "failed", "interrupted"]
    assert [trial.status for trial in trials] == ends


@pytest.mark.parametrize(
    ("metric", "column", "mode", "last"),
    [
        ("val.loss=loss", "val.loss", "min", 1 / 3),
        ("val.f1=val_accuracy", "val.f1", "max", 0.3),
    ],
)
def test_any_result_may_be_the_metric(
    experiment: Path, metric: str, column: str, mode: str, last: float
) -> None:
    old = import_tune(Asked(str(experiment), metric))
    assert (old.metric, old.mode) == (column, mode)
    assert old.trials[0].epochs[-1][column] == last


def test_a_metric_that_is_not_there_names_the_nearest(experiment: Path) -> None:
    with pytest.raises(ResultsError, match='Did you mean "val_accuracy"'):
        import_tune(Asked(str(experiment), "val.accuracy=val_acuracy"))
    with pytest.raises(ResultsError, match="--metric val.accuracy=loss"):
        import_tune(Asked(str(experiment), "loss"))


def test_iterations_that_a_restored_trial_reports_again_count_once(
    tmp_path: Path,
) -> None:
    results = [{"val/accuracy": 0.1}, {"val/accuracy": 0.2}]
    folder = write_trial(tmp_path / "exp", "a_0", {}, results)
    again = json.loads((folder / "result.json").read_text().splitlines()[1])
    with (folder / "result.json").open("a") as file:
        file.write(json.dumps({**again, "val/accuracy": 0.3}) + '\n{"val/accu')
    old = import_tune(Asked(str(folder)))
    values = [epoch["val.accuracy"] for epoch in old.trials[0].epochs]
    assert values == [0.1, 0.3]
    assert old.notes == [f"{folder.name}/result.json:4: torn and left out"]


def test_all_lines_that_are_no_json_are_named_at_once(experiment: Path) -> None:
    for path in experiment.glob("*/result.json"):
        path.write_text("[1]\n" + path.read_text())
    with pytest.raises(
        ResultsError, match="must be an object in JSON; found list"
    ) as e:
        import_tune(Asked(str(experiment)))
    assert str(e.value).count("result.json:1: must be") == 4


def test_what_is_of_the_test_split_or_has_no_place_is_left_out(tmp_path: Path) -> None:
    results = [{"val": 0.5, "test_accuracy": 0.9, "epoch": 7, "val_accuracy": 0.4}]
    write_trial(tmp_path / "exp", "a_0", {}, results)
    old = import_tune(Asked(str(tmp_path / "exp"), "val.accuracy=val"))
    row = {"epoch": 1, "val.accuracy": 0.5}
    assert row.items() <= dict(old.trials[0].epochs[0]).items()
    assert old.taken["test_accuracy"].startswith("left out: of the test split")
    assert old.taken["epoch"] == "left out: epoch is a key of the tables"
    assert old.taken["val_accuracy"] == "left out: val.accuracy is val"


def test_a_folder_of_experiments_names_them(experiment: Path) -> None:
    with pytest.raises(ResultsError, match="found experiments: exp. Name one"):
        import_tune(Asked(str(experiment.parent)))
    with pytest.raises(ResultsError, match="found none. Name the folder"):
        import_tune(Asked(str(experiment / "nothing")))


def test_an_export_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = read_search(tmp_path)
    export_tune(rows, tmp_path / "lr")
    old = import_tune(Asked(str(tmp_path / "lr")))
    ends = ["completed", "stopped", "failed", "completed"]
    assert [trial.status for trial in old.trials] == ends
    assert old.trials[0].columns["arm"] == "optimizer.lr=0.1"
    assert old.trials[0].config["schedule.milestones"] == [0.5, 0.75]
    values = [epoch["val.accuracy"] for epoch in old.trials[0].epochs]
    assert values == [0.25, 0.5, 0.75]


@pytest.mark.slow
def test_a_run_of_tune_itself_is_read(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(REAL_RUN)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=plain_environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tmp_path / "exp").exists(), done.stderr[-2000:]
    old = import_tune(Asked(str(tmp_path / "exp")))
    by_rate = {trial.config["lr"]: trial for trial in old.trials}
    assert [by_rate[rate].status for rate in (1.0, 0.1, -1.0)] == [
        "completed",
        "stopped",
        "failed",
    ]
    assert [e["val.accuracy"] for e in by_rate[1.0].epochs] == [0.25, 0.5, 0.75, 1.0]
    assert by_rate[0.1].config == {"lr": 0.1, "model.depth": 22}
    assert "RuntimeError: boom" in by_rate[-1.0].columns["error"]
