"""The room that a cluster has for trials, or may get from its autoscaler."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress

from raypg.cluster.autoscaler import ask_for, has_autoscaler, is_infeasible
from raypg.cluster.connect import Need
from raypg.errors import ClusterError

POLL_S = 1.0
"""Between two looks at whether a node has come; the autoscaler takes seconds."""

GROUP_MEMORY = 256 * 2**20
"""Bytes that a trial actor of a group reserves: its mailbox and Ray Train's controller
have 60 and 115 MiB of their own, and it has more. Too little to keep a group from a
room that its workers have."""


def num_slots(need: Need) -> int:
    """How many trials the cluster has room for at once, as it is now.

    Nodes are counted one by one: a worker never spans two. Those that are about to go
    have room for none.
    """
    import ray

    num_workers, leaving = 0, leaving_nodes()
    for node in ray.nodes():
        if node["Alive"] and node["NodeID"] not in leaving:
            num_workers += workers_on(node["Resources"], need.per_worker)
    return num_workers // need.workers_per_trial


def leaving_nodes() -> frozenset[str]:
    """Ray's ids of the nodes that drain: they are about to go, and take no actor."""
    from ray._private.state import state

    return frozenset(state.get_draining_nodes())


def workers_on(has: Mapping[str, float], need: Mapping[str, float]) -> int:
    """How many workers fit on one node, by what it has and what each needs."""
    rooms = [
        int(has.get(name, 0.0) / amount + 1e-9)
        for name, amount in need.items()
        if amount > 0
    ]
    return min(rooms, default=0)


def group_memory(need: Need) -> int:
    """Bytes that a group's trial actor reserves, so that a node has what it can bear.

    Where memory is so scarce that this would keep groups from their room, it is less.
    """
    import ray

    share = ray.cluster_resources().get("memory", 0.0) / max(1, num_slots(need)) / 2
    return max(1, min(GROUP_MEMORY, int(share)))


def check_room(need: Need) -> None:
    """Refuse what this cluster can never give; wait for what its autoscaler can.

    Raises:
        ClusterError: not even one trial fits; says what the cluster has.
    """
    if num_slots(need) >= 1:
        return
    if not has_autoscaler():
        fix = "Ask for less, or join a larger cluster with --address."
        raise _no_room(need, "the cluster", fix)
    from ray.exceptions import RayError

    print(
        f"no room yet for {_describe(need)}; waiting for the autoscaler to add nodes",
        file=sys.stderr,
        flush=True,
    )
    try:
        _wait_for_room(need)
    finally:  # what a sweep asks for from here on is its slots' affair
        with suppress(RayError):
            ask_for(need, 0)


def _wait_for_room(need: Need) -> None:
    ask_for(need, 1)
    while num_slots(need) < 1:
        if is_infeasible(need):
            fix = "Ask for less, or give the cluster a node type that is large enough."
            raise _no_room(need, "what the autoscaler may add", fix)
        time.sleep(POLL_S)


def _no_room(need: Need, where: str, fix: str) -> ClusterError:
    import ray

    total = ray.cluster_resources()
    has = f"{total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs"
    return ClusterError(
        "--workers-per-trial, --cpus-per-worker, --gpus-per-worker",
        f"{_describe(need)} must fit in {where}",
        f"{has} on {sum(bool(node['Alive']) for node in ray.nodes())} node(s)",
        fix,
    )


def _describe(need: Need) -> str:
    wants = " and ".join(
        f"{amount:g} {name}" for name, amount in need.per_worker.items()
    )
    return f"a trial of {need.workers_per_trial} worker(s) with {wants} each"
