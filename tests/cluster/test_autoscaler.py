"""Sweeps on a cluster whose autoscaler adds the nodes: Ray's own, with real raylets."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from raypg.results import open_results

pytestmark = pytest.mark.slow

HEAD = "ray.head.default"
HEAD_ID = "f" * 51 + "00000"
"""Fixed by Ray's provider of nodes that are processes of one machine."""
SPACE = """from raypg import *
SPACE = Ablation(base={"model.name": "mlp", "data.fraction": 0.2, "train.epochs": 2},
                 axes={"optimizer.lr": [0.02, 0.05]}, seeds=2)
"""


def config(address: str) -> dict[str, object]:
    """What `ray up` would hand to the autoscaler: up to two nodes of two CPUs."""
    nothing: dict[str, object] = {}
    return {
        "cluster_name": "test",
        "max_workers": 2,
        "upscaling_speed": 100.0,
        "idle_timeout_minutes": 0.1,
        "provider": {
            "type": "external",
            "module": "ray.autoscaler._private.fake_multi_node."
            "node_provider.FakeMultiNodeProvider",
            "gcs_address": address,
            "launch_multiple": True,
        },
        "available_node_types": {
            HEAD: {"resources": {"CPU": 0}, "node_config": nothing, "max_workers": 0},
            "worker": {
                "resources": {"CPU": 2, "object_store_memory": 80 * 2**20},
                "node_config": nothing,
                "min_workers": 0,
                "max_workers": 2,
            },
        },
        "head_node_type": HEAD,
        "auth": nothing,
        "docker": nothing,
        "file_mounts": nothing,
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
    }


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A head without CPUs, and an autoscaler that has started nothing yet."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    (tmp_path / "cluster.json").write_text(json.dumps(config(address)))
    command = f"-m ray.scripts.scripts start --head --block --port={port} --num-cpus=0"
    folder = tempfile.mkdtemp(prefix="ray")  # short, as the paths of sockets are to be
    more = [
        f"--temp-dir={folder}",
        "--node-ip-address=127.0.0.1",
        "--include-dashboard=false",
        f"--object-store-memory={80 * 2**20}",
        f"--autoscaling-config={tmp_path / 'cluster.json'}",
    ]
    environment = environment_of_a_user() | {
        "RAY_FAKE_CLUSTER": "1",
        "RAY_AUTH_MODE": "disabled",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
    }
    head = subprocess.Popen(
        [sys.executable, *command.split(), *more],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield address
    for process in psutil.Process(head.pid).children(recursive=True):
        process.kill()
    head.kill()
    head.wait()
    shutil.rmtree(folder, ignore_errors=True)


def environment_of_a_user() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("RAY")}


def sweep(folder: Path, address: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "space.py").write_text(SPACE)
    return subprocess.run(
        [sys.executable, "-m", "raypg.tune", "space.py", *more],
        cwd=folder,
        env=environment_of_a_user() | {"RAY_ADDRESS": address},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_sweep_gets_its_nodes_from_the_autoscaler(
    address: str, tmp_path: Path
) -> None:
    too_large = sweep(tmp_path, address, "--cpus-per-worker", "4")
    assert too_large.returncode == 2, too_large.stderr
    last = too_large.stderr.splitlines()[-1]
    assert re.search("must fit in what the autoscaler may add; found 0 CPUs", last)
    assert not (tmp_path / "runs" / "space").exists()

    found = sweep(tmp_path, address)
    assert found.returncode == 0, found.stderr
    assert "waiting for the autoscaler to add nodes" in found.stderr
    rows = open_results(str(tmp_path / "runs")).trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 4
