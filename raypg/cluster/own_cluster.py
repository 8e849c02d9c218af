"""A cluster of the sweep's own on this machine: what of Ray it starts, and how."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

OBJECT_STORE_BYTES = 128 * 2**20
"""Nothing big travels through it."""

UNASKED = {
    # Kept for the dashboard and for metrics, which a cluster of one sweep has not.
    "enable_metrics_collection": False,
    "event_stats": False,
}
"""Ray's system settings: what its daemons do beside running trials."""


def own_options(num_cpus: int | None) -> dict[str, Any]:
    """What `ray.init` is told to start a cluster here.

    Args:
        num_cpus: its cores; None for those of the machine.
    """
    return {
        # Empty, Ray would join what `ray start` has left in its temporary files.
        "address": "local",
        "num_cpus": num_cpus,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_system_config": UNASKED,
    }


@contextmanager
def only_what_trains() -> Iterator[None]:
    """Start Ray without the processes that a sweep alone on its machine has no use for.

    Ray 2.60 starts an autoscaler, a reader of logs and the dashboard's server even
    where there is nothing to scale, nobody to read to and no dashboard: 1 s of a core
    before the first epoch, 0.5 % of two cores ever after. There is no option for it.
    """
    from ray._private.node import Node

    def nothing(node: Node, *args: object, **options: object) -> None:
        """Start nothing."""

    with ExitStack() as stack:
        for name in ("start_monitor", "start_log_monitor", "start_api_server"):
            stack.enter_context(patch.object(Node, name, nothing))
        yield


@contextmanager
def group_of_its_own() -> Iterator[None]:
    """Start Ray's processes where a signal to the driver's process group spares them.

    `timeout` and Slurm send SIGTERM to all of the group, and the driver cannot end
    gently without its cluster. Ray itself ignores Ctrl-C there, and has the kernel end
    its processes when the driver dies, however it dies.
    """
    from ray._private import services

    with patch.object(services, "ConsolePopen", _start_in_group):
        yield


def _start_in_group(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401
    return subprocess.Popen(*args, **options, process_group=0)
