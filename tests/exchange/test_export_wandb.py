"""A sweep that has ended as runs of W&B, in its own offline files."""

import sys
from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.exchange.export_wandb import export_wandb
from raypg.wandb_log import About
from tests.exchange.sweeps import START, read_search
from tests.test_wandb_log import Broken
from tests.wandb_files import read_runs


@pytest.fixture(autouse=True)
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of whoever runs the tests, and nothing reaches a server."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")


def test_each_trial_is_an_offline_run_of_the_sweeps_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read_search(tmp_path)
    told = export_wandb(rows, tmp_path / "out")
    assert told == "Logged as the runs of group lr."
    err = capsys.readouterr().err
    assert "no account (see `wandb login`): runs are kept offline" in err
    assert f"wandb sync {tmp_path}/out/wandb/*run-*" in err
    runs = {one.config["raypg"]["trial"]: one for one in read_runs(tmp_path / "out")}
    assert sorted(runs) == [row["trial"] for row in rows.trials]
    first, failed = runs["a" * 16], runs["c" * 16]
    assert (first.group, first.name) == ("lr", "optimizer.lr=0.1, seed 0")
    assert first.config["optimizer"]["lr"] == 0.1
    logged = [(row["_step"], row["val.accuracy"]) for row in first.history]
    assert logged == [(1, 0.25), (2, 0.5), (3, 0.75)]
    assert first.summary["num_parameters"] == 1000
    assert (first.tags, first.exit_code) == (["completed"], 0)
    assert (failed.tags, failed.exit_code) == (["failed"], 1)
    assert runs["d" * 16].tags == ["cached"]
    assert len(runs["d" * 16].history) == 3


def test_a_run_has_the_id_that_it_was_logged_under(tmp_path: Path) -> None:
    export_wandb(read_search(tmp_path), tmp_path / "out")
    ids = {run.id for run in read_runs(tmp_path / "out")}
    assert About("lr", START.isoformat(), "elsewhere").run_id("a" * 16) in ids


def test_a_disabled_wandb_writes_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    told = export_wandb(read_search(tmp_path), tmp_path / "out")
    assert told == "Nothing was logged: WANDB_MODE is disabled."
    assert read_runs(tmp_path / "out") == []


def test_a_wandb_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", Broken("wandb"))
    with pytest.raises(ResultsError, match="must take every trial; found 0 of 4"):
        export_wandb(read_search(tmp_path), tmp_path / "out")
