"""Drivers that die in a cluster which lives on, or sleep while another takes over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raypg.results import open_results
from tests.buckets import new_bucket
from tests.cluster.own_cluster import own_cluster
from tests.cluster.processes import plain_environment, processes_named, wait_until
from tests.cluster.test_nodes import check_whole, starting

pytestmark = pytest.mark.slow

NUM_EPOCHS = 6
FEWER = f"train.epochs={NUM_EPOCHS}"
OF_TRIALS = ("Trainable", "RayTrainWorker", "Mailbox", "TrainController")


def num_epochs(store: str) -> int:
    """Rows that a store holds of the sweep `space`."""
    results = open_results(store)
    has_any = results.store.exists() and "space" in results.store.sweeps()
    return len(results.epochs("space")) if has_any else 0


def resume(folder: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "raypg.tune", "--resume", "space", *options],
        cwd=folder,
        env=plain_environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("num_workers", ["1", "2"])
def test_a_driver_killed_in_a_joined_cluster_leaves_it_free_for_its_successor(
    tmp_path: Path, num_workers: str
) -> None:
    store = str(tmp_path / "runs")
    with own_cluster() as own, starting(tmp_path, own.address) as start:
        address = ("--address", own.address)
        workers = ("--workers-per-trial", num_workers)
        driver = start(*address, *workers, FEWER, token=False)
        wait_until(lambda: num_epochs(store) >= 3, limit_s=120)
        assert processes_named("Trainable")
        driver.kill()
        driver.communicate()
        wait_until(lambda: not any(map(processes_named, OF_TRIALS)))
        # With two workers a trial needs both CPUs there are: none is held any more.
        successor = resume(tmp_path, *address)
        _, errors = successor.communicate(timeout=240)
    check_whole(tmp_path, errors, successor.returncode, NUM_EPOCHS)


def test_a_driver_that_wakes_after_its_lease_writes_nothing_over_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"{new_bucket('s3', monkeypatch)}/runs"
    keys = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
    with starting(tmp_path, "") as start:
        sleeper = start("--store", store, "train.epochs=15", token=False)
        wait_until(lambda: num_epochs(store) >= 5, limit_s=120)
        sleeper.send_signal(signal.SIGSTOP)
        successor = resume(tmp_path, "--store", store, **keys)
        before = num_epochs(store)
        wait_until(lambda: num_epochs(store) >= before + 5, limit_s=180)
        sleeper.send_signal(signal.SIGCONT)
        _, said = sleeper.communicate(timeout=120)
        _, errors = successor.communicate(timeout=240)
    assert sleeper.returncode == 1, said
    assert "The sweep ended early: " in said
    assert "Traceback" not in said
    assert successor.returncode == 0, errors
    rows = open_results(store).trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 6
    epochs = open_results(store).epochs("space")
    found = sorted((row["trial"], row["epoch"]) for row in epochs)
    assert found == sorted((row["trial"], e) for row in rows for e in range(1, 16))
