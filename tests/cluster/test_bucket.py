"""Sweeps whose store is a bucket, in their own cluster and in one that they join."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from raypg.results import open_results
from tests.buckets import each_kind, new_bucket
from tests.cluster.own_cluster import own_cluster
from tests.cluster.processes import plain_environment
from tests.s3 import create_bucket, gate, s3_environment

pytestmark = pytest.mark.slow

SPACE = """from raypg import Ablation
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 2}, axes={"optimizer.lr": [0.05, 0.1]},
)
"""


@each_kind
def test_a_sweep_lives_in_a_bucket(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = tmp_path / "space.py"
    space.write_text(SPACE)
    store = new_bucket(kind, monkeypatch)
    # Its own cluster: workers take the credentials from where they were started.
    command = [sys.executable, "-m", "raypg.tune", str(space), "--store", store]
    run = partial(subprocess.run, check=True, cwd=tmp_path, env=os.environ.copy())
    run(command)
    results = open_results(store)
    rows = results.trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert all(row["checkpoint"] for row in rows)
    assert len(results.epochs("space")) == 4
    assert results.sql("select count(*) n from predictions")["n"].to_pylist() == [600]
    run(command)
    again = results.trials("space-2")
    assert [row["status"] for row in again] == ["cached"] * 2
    ask = [sys.executable, "-m", "raypg.results"]
    asked = [["ls"], ["show", "space"], ["best", "space-2"], ["sql", "from epochs"]]
    for one in asked:
        said = run([*ask, *one, "--store", store], capture_output=True, text=True)
        assert "space" in said.stdout


def run_joined(folder: Path, store: str) -> subprocess.CompletedProcess[str]:
    """A sweep in a cluster that has the keys of this environment, if it has any.

    The driver has keys in any case. Its endpoint goes with the sweep, its keys do not.
    """
    (folder / "space.py").write_text(SPACE)
    with gate() as endpoint, own_cluster() as own:
        driver = {**s3_environment(), "AWS_ENDPOINT_URL": endpoint}
        command = [sys.executable, "-m", "raypg.tune", "space.py", "--store", store]
        return subprocess.run(
            [*command, "--address", own.address],
            env=plain_environment(**driver),
            cwd=folder,
            capture_output=True,
            text=True,
        )


def test_keys_that_the_nodes_lack_are_missed_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = create_bucket()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    done = run_joined(tmp_path, store)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"--store {store}: must be writable; found access denied.")
    assert "on every node" in line


def test_nodes_with_keys_of_their_own_write_what_a_joined_driver_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = create_bucket()
    keys = {k: v for k, v in s3_environment().items() if "KEY" in k}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    done = run_joined(tmp_path, store)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_environment()["AWS_ENDPOINT_URL"])
    rows = open_results(store).trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert all(row["checkpoint"] for row in rows)
