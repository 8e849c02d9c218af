"""Where a sweep runs: in a cluster of its own, or in the one that it is told of."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from tests.cluster.own_cluster import own_cluster
from tests.cluster.processes import plain_environment, wait_for_nothing_left

CODE = """
from raypg.cluster.connect import connect, disconnect
print(connect(num_cpus=1))
disconnect()
"""


def test_a_cluster_of_its_own_is_started_whatever_ray_start_has_left_here() -> None:
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # sockets' paths: short
        (Path(folder) / "ray").mkdir()
        (Path(folder) / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")
        found = subprocess.run(
            [sys.executable, "-c", CODE],
            env=plain_environment(RAY_TMPDIR=folder),
            capture_output=True,
            text=True,
            check=False,
        )
    assert found.stdout == "True\n", found.stderr


SPACE = """
from raypg import Ablation
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 1}, axes={"optimizer.lr": [0.1]},
)
"""


def live_nodes() -> set[str]:
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


@pytest.mark.parametrize("how", ["auto", "host:port", "RAY_ADDRESS"])
def test_the_cluster_that_it_is_told_of_is_joined_and_left_as_it_is(
    cluster: None, tmp_path: Path, how: str
) -> None:
    address = ray.get_runtime_context().gcs_address
    (tmp_path / "space.py").write_text(SPACE)
    command = [sys.executable, "-m", "raypg.tune", "space.py"]
    with tempfile.TemporaryDirectory(prefix="ray") as folder:
        environment = plain_environment(RAY_TMPDIR=folder, RAY_AUTH_MODE="token")
        if how == "auto":
            # As `ray start` leaves it.
            (Path(folder) / "ray").mkdir()
            (Path(folder) / "ray" / "ray_current_cluster").write_text(address)
            command += ["--address", "auto"]
        elif how == "RAY_ADDRESS":
            environment["RAY_ADDRESS"] = address
        else:
            command += ["--address", address]
        jobs, nodes = len(ray.state.jobs()), live_nodes()
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert len(ray.state.jobs()) == jobs + 1
    assert live_nodes() == nodes
    wait_for_nothing_left()


def test_a_token_that_the_cluster_does_not_ask_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "space.py").write_text(SPACE)
    with own_cluster() as cluster:
        command = [sys.executable, "-m", "raypg.tune", "space.py"]
        done = subprocess.run(
            [*command, "--address", cluster.address],
            env=plain_environment(RAY_AUTH_MODE="token"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 2
    rule = "RAY_AUTH_MODE: must be unset for a cluster that asks for no token; found "
    assert re.fullmatch(f"{rule}.*{cluster.address} has none.\n", done.stderr)
    assert not (tmp_path / "runs").exists()
