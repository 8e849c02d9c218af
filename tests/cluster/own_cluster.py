"""A cluster in a process of its own, which may lose its head.

Ray ends every process that has asked a head which then is gone for a minute: that must
not be the process of the tests.

    python -m tests.cluster.own_cluster    # says where it is; ends with standard input
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from tests.cluster.processes import plain_environment

SMALL = 80 * 2**20
OWN = ("gcs_server", "raylet")
"""What of the head may be killed, as Ray names it."""


@dataclass(frozen=True)
class OwnCluster:
    """Where it is: its address, and the pids of its head's processes."""

    address: str
    gcs_server: int
    raylet: int


@contextmanager
def own_cluster() -> Iterator[OwnCluster]:
    """Such a cluster, ended with the body."""
    command = [sys.executable, "-m", "tests.cluster.own_cluster"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=plain_environment(),
    )
    assert process.stdout is not None
    try:
        yield OwnCluster(**json.loads(process.stdout.readline()))
    finally:
        process.communicate()  # closes its standard input


def new_cluster() -> Cluster:
    """A head without CPUs, as clusters have it, and a node with two."""
    head = {"num_cpus": 0, "object_store_memory": SMALL, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    add_node(cluster)
    return cluster


def add_node(cluster: Cluster, **args: object) -> Any:  # noqa: ANN401 Ray has no types
    """A further node, of two CPUs unless `args` say otherwise."""
    return cluster.add_node(**{"num_cpus": 2, "object_store_memory": SMALL, **args})


def node_processes(node: Any, part: str) -> list[psutil.Process]:  # noqa: ANN401
    """The processes of a node's actors and tasks whose title holds `part`."""
    found = []
    for process in raylet_of(node).children(recursive=True):
        with suppress(psutil.Error):
            if part in " ".join(process.cmdline()):
                found.append(process)
    return found


def raylet_of(node: Any) -> psutil.Process:  # noqa: ANN401
    """The process that all others of a node come from."""
    (raylet,) = node.all_processes["raylet"]
    return psutil.Process(raylet.process.pid)


def main() -> None:
    """Be that process."""
    cluster = new_cluster()
    all_processes = cluster.head_node.all_processes
    pids = {name: all_processes[name][0].process.pid for name in OWN}
    print(json.dumps({"address": cluster.address, **pids}), flush=True)
    sys.stdin.read()
    for node in cluster.list_all_nodes():
        node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    main()
