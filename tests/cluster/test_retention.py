"""Real sweeps keep the checkpoints that they were told to keep."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raypg.checkpoints import list_held
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import resume_sweep
from raypg.errors import CheckpointError
from raypg.results import open_results
from raypg.solo.retest import retest_trial
from raypg.store import Store
from tests.buckets import new_bucket
from tests.cluster.processes import wait_until
from tests.conftest import RunSpace, resume

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 2},
    axes={"optimizer.lr": [1e-5, 0.1]},
    seeds=2,
)
"""


def num_held(store: Store, sweep: str) -> list[int]:
    """How many checkpoints the trials of a sweep have that have some."""
    return sorted(len(ones) for ones in list_held(store, sweep).values())


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("all", [2, 2, 2, 2]), ("last", [1, 1, 1, 1]), ("best", [1]), ("3", [1, 1, 1])],
)
def test_a_sweep_keeps_what_its_rule_says(
    run_space: RunSpace, keep: str, kept: list[int]
) -> None:
    finished = run_space(SPACE, keep_checkpoints=keep, checkpoint_every_s=0.0)
    store, sweep = finished.store, finished.sweep
    assert finished.exit_code == 0
    assert num_held(store, sweep) == kept
    best = open_results(store).best(sweep, "val.accuracy", "max")
    assert best is not None
    assert retest_trial(store, best["trial"]).is_same
    held = list_held(store, sweep)
    for row in open_results(store).trials(sweep):
        assert bool(row["checkpoint"]) == (row["trial"] in held)
        if row["trial"] not in held:
            option = f"let it go by --keep-checkpoints {keep}"
            with pytest.raises(CheckpointError, match=option):
                retest_trial(store, row["trial"])


def test_a_search_under_asha_keeps_its_best(run_space: RunSpace) -> None:
    finished = run_space(
        'SPACE = Search(base={"model.name": "mlp", "model.hidden": 8},'
        ' axes={"optimizer.lr": log_uniform(1e-4, 1.0)}, trials=8, sampler="random",'
        ' metric="val.loss", mode="min",'
        " scheduler=ASHA(max_epochs=4, grace_epochs=1, reduction_factor=2))",
        keep_checkpoints="best",
    )
    best = open_results(finished.store).best(finished.sweep, "val.loss", "min")
    assert best is not None
    assert list(list_held(finished.store, finished.sweep)) == [best["trial"]]
    assert retest_trial(finished.store, best["trial"]).is_same


def test_a_budget_leaves_the_best_and_says_that_it_is_passed(
    run_space: RunSpace, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = run_space(SPACE, checkpoint_disk="1KB", checkpoint_every_s=0.0)
    best = open_results(finished.store).best(finished.sweep, "val.accuracy", "max")
    assert best is not None
    assert list(list_held(finished.store, finished.sweep)) == [best["trial"]]
    said = capsys.readouterr().err
    assert said.count("--checkpoint-disk 1KB: passed") == 1
    option = "let it go by --checkpoint-disk 1KB"
    for row in open_results(finished.store).trials(finished.sweep):
        if row["trial"] != best["trial"]:
            with pytest.raises(CheckpointError, match=option):
                retest_trial(finished.store, row["trial"])


def test_what_another_sweep_took_from_the_store_can_be_tested_again(
    run_space: RunSpace,
) -> None:
    first = run_space(SPACE)
    second = run_space(SPACE.replace("seeds=2", "seeds=1"))
    assert second.ledger.count("cached") == 2
    about = first.store.read_description(first.sweep)
    about["options"]["keep_checkpoints"] = "best"
    first.store.write_description(first.sweep, about)
    resume(first)
    taken = set(second.ledger.entries)
    held = set(list_held(first.store, first.sweep))
    best = open_results(first.store).best(first.sweep, "val.accuracy", "max")
    assert best is not None
    assert held == {*taken, best["trial"]}
    for trial in taken:
        assert retest_trial(first.store, trial).is_same


LONGER = """
from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 40},
    axes={"optimizer.lr": [0.01, 0.1]},
    seeds=8,
)
"""
NUM_LONGER = 16


@pytest.mark.slow
def test_a_killed_sweep_is_resumed_under_its_rule_and_loses_no_trial(
    cluster: None, tmp_path: Path
) -> None:
    (tmp_path / "space.py").write_text(LONGER)
    store = Store(str(tmp_path / "runs"))
    command = [sys.executable, "-m", "raypg.tune", "space.py", "--store", store.uri]
    command += ["--keep-checkpoints", "best", "--checkpoint-every", "0"]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    driver = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )

    def has_pruned() -> bool:
        if not store.exists() or not store.sweeps():
            return False
        rows = open_results(store).trials("space")
        return any(row.get("checkpoint_gone") for row in rows)

    wait_until(has_pruned, limit_s=120)
    driver.send_signal(signal.SIGKILL)
    driver.wait(timeout=60)
    before = {row["trial"]: row for row in open_results(store).trials("space")}
    ended = [row for row in before.values() if row["status"] == "completed"]
    assert 0 < len(ended) < NUM_LONGER
    finished = resume_sweep("space", Options(store=store.uri))
    rows = {row["trial"]: row for row in open_results(store).trials("space")}
    assert [row["status"] for row in rows.values()] == ["completed"] * NUM_LONGER
    for row in ended:  # none was trained twice
        assert rows[row["trial"]]["attempt"] == row["attempt"]
    best = open_results(store).best("space", "val.accuracy", "max")
    assert best is not None
    assert list(list_held(store, "space")) == [best["trial"]]
    assert finished.exit_code == 0


@pytest.mark.slow
def test_a_sweep_in_a_bucket_keeps_its_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "space.py").write_text(f"from raypg import *\n{SPACE}")
    store = Store(f"{new_bucket('s3', monkeypatch)}/runs")
    # Its own cluster: workers take the credentials from where they were started.
    command = [sys.executable, "-m", "raypg.tune", "space.py", "--store", store.uri]
    command += ["--keep-checkpoints", "best", "--checkpoint-disk", "1GB"]
    subprocess.run(command, check=True, cwd=tmp_path, env=os.environ.copy())
    best = open_results(store).best("space", "val.accuracy", "max")
    assert best is not None
    assert list(list_held(store, "space")) == [best["trial"]]
    assert retest_trial(store, best["trial"]).is_same
    options = store.read_description("space")["options"]
    assert (options["keep_checkpoints"], options["checkpoint_disk"]) == ("best", "1GB")
    (gone, *_) = [r for r in open_results(store).trials("space") if not r["checkpoint"]]
    with pytest.raises(CheckpointError, match="let it go by --keep-checkpoints best"):
        retest_trial(store, gone["trial"])
