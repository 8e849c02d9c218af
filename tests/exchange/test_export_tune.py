"""Tune's layout as Ray and pandas read it."""

import json
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
import pytest
from ray.tune import ExperimentAnalysis, Result

from raypg.exchange.export_tune import export_tune
from tests.exchange.sweeps import START, read_search


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    export_tune(read_search(tmp_path), tmp_path / "lr")
    return sorted((tmp_path / "lr").iterdir())


def test_ray_reads_a_trial_from_its_folder(folders: list[Path]) -> None:
    result = Result.from_path(str(folders[0]))
    assert result.config is not None
    assert result.metrics is not None
    assert result.metrics_dataframe is not None
    assert result.config["optimizer"] == {"lr": 0.1, "name": "sgd"}
    assert result.metrics["val"]["accuracy"] == 0.75
    assert result.metrics["time_total_s"] == 6.0
    assert result.metrics["done"] is True
    assert result.metrics_dataframe["val/accuracy"].tolist() == [0.25, 0.5, 0.75]


def test_pandas_reads_the_files(folders: list[Path]) -> None:
    frame = pd.read_csv(folders[0] / "progress.csv")
    assert frame["training_iteration"].tolist() == [1, 2, 3]
    assert frame["val/loss"].tolist() == [1.0, 0.5, pytest.approx(1 / 3)]
    assert frame["timestamp"].tolist() == [START.timestamp() + s for s in (2, 4, 6)]
    lines = (folders[1] / "result.json").read_text().splitlines()
    assert [json.loads(line)["raypg_status"] for line in lines] == ["stopped"]
    params = json.loads((folders[1] / "params.json").read_text())
    assert params["schedule"] == {"milestones": [0.5, 0.75]}


def test_a_trial_that_failed_has_its_error_and_no_results(folders: list[Path]) -> None:
    assert (folders[2] / "error.txt").read_text().endswith("ValueError: boom")
    assert (folders[2] / "result.json").read_text() == ""
    assert (folders[2] / "progress.csv").read_text() == ""
    assert not any(path.suffix == ".pkl" for one in folders for path in one.iterdir())


def test_what_needs_pickles_says_that_there_is_no_snapshot(folders: list[Path]) -> None:
    with pytest.raises(ValueError, match="No experiment snapshot file"):
        ExperimentAnalysis(str(folders[0].parent))
