"""A cluster of several nodes on this machine: each is a raylet with its processes."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from ray.cluster_utils import Cluster

from raypg.cluster.connect import disconnect, set_quiet_environment
from tests.cluster.own_cluster import node_processes, raylet_of

OBJECT_STORE_BYTES = 80 * 2**20


class Nodes:
    """A head without CPUs, as clusters have it, and nodes that can be struck.

    Args:
        num_nodes: beside the head.
        num_cpus: declared, of each.
    """

    def __init__(self, num_nodes: int, num_cpus: int) -> None:
        self._num_cpus = num_cpus
        head = {"include_dashboard": False, **_node_of(0)}
        # Without Ray's reaper a node may be added by a thread that ends before it.
        self._cluster = Cluster(
            initialize_head=True, head_node_args=head, shutdown_at_exit=False
        )
        for _ in range(num_nodes):
            self.add()

    @property
    def address(self) -> str:
        """As `--address` takes it."""
        return str(self._cluster.address)

    @property
    def workers(self) -> list[Any]:
        """The nodes with CPUs, the oldest first."""
        nodes = list(self._cluster.worker_nodes)
        return sorted(nodes, key=lambda node: raylet_of(node).create_time())

    @property
    def head(self) -> Any:  # noqa: ANN401
        """The node that the driver is on."""
        return self._cluster.head_node

    def add(self) -> None:
        """One more node with CPUs."""
        self._cluster.add_node(**_node_of(self._num_cpus))

    def processes(self, node: Any, part: str = "ray::") -> list[psutil.Process]:  # noqa: ANN401
        """The processes of a node's actors and tasks whose title holds `part`."""
        return node_processes(node, part)

    def cut_power(self, node: Any) -> None:  # noqa: ANN401
        """End a node with all that runs on it; none of them can say a word."""
        processes = raylet_of(node).children(recursive=True)
        self._cluster.remove_node(node, allow_graceful=False)
        for process in processes:
            kill(process)

    def shutdown(self) -> None:
        """End it all."""
        disconnect()
        self._cluster.shutdown()


@contextmanager
def cluster_of(num_nodes: int, num_cpus: int) -> Iterator[Nodes]:
    """A cluster for a while; this process may join it by its address."""
    set_quiet_environment()
    nodes = Nodes(num_nodes, num_cpus)
    try:
        yield nodes
    finally:
        nodes.shutdown()


def kill(process: psutil.Process) -> None:
    """SIGKILL, where it still runs."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        if process.is_running():
            os.kill(process.pid, signal.SIGKILL)


def _node_of(num_cpus: int) -> dict[str, Any]:
    return {"num_cpus": num_cpus, "object_store_memory": OBJECT_STORE_BYTES}
