"""What nodes of a joined cluster must be able to do, tried before a sweep starts."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from raypg.cluster.connect import Need
from raypg.cluster.room import workers_on
from raypg.config import Config, Layer, Leaf, flatten, load
from raypg.data import load_dataset
from raypg.data.places import whole_path
from raypg.errors import ClusterError, RaypgError, StoreError
from raypg.own.bundle import Bundle, use
from raypg.store import Store


def try_on_a_node(
    need: Need, configs: Sequence[Config], bundle: Bundle | None, store: Store
) -> list[str]:
    """Load data sets on a node, and see that it has the driver's store.

    Returns what was made of the data there, as `ready_data` does.

    The driver's machine may lack the data, the node the keys of the bucket; a folder of
    the same name may be another one there. One node answers for all, not the driver's
    where there is a choice; a trial on another one that lacks something fails, and says
    so.

    Args:
        need: of a trial, whose worker's place this takes for a moment.
        configs: of trials, one for each data set.
        bundle: the files of the user's own that they name.
        store: of the sweep.

    Raises:
        ClusterError: no node can run this code.
        DataError: the node cannot load a data set.
        StoreError: the node cannot write to the bucket, or sees another folder.
    """
    import ray

    own = ray.get_runtime_context().get_node_id()
    there = ray.remote(
        num_cpus=need.cpus_per_worker,
        num_gpus=need.gpus_per_worker,
        scheduling_strategy=strategy_for(need, own, ray.nodes()),
    )
    leaves = [flatten(config) for config in configs]
    leaves = [one | {"data.root": whole_path(str(one["data.root"]))} for one in leaves]
    try:
        with store.marked() as mark:
            asked = there(prepare_node).remote(leaves, bundle, store, mark)
            notes: list[str] = ray.get(asked)
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, RaypgError):
            raise cause from error
        rule, fix = "must run the sweep's code", "See its logs."
        found = " ".join(str(error).split())[-300:]
        raise ClusterError("a worker of the cluster", rule, found, fix) from error
    return notes


def strategy_for(need: Need, own: str, nodes: Sequence[dict[str, Any]]) -> object:
    """How Ray is to place the try: on another node than `own` where one has room.

    Args:
        need: of a trial.
        own: Ray's id of the driver's node.
        nodes: as `ray.nodes()` lists them.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    for node in nodes:
        fits = workers_on(node["Resources"], need.per_worker) >= 1
        if node["Alive"] and fits and node["NodeID"] != own:
            return NodeAffinitySchedulingStrategy(node["NodeID"], soft=True)
    return "DEFAULT"


def prepare_node(
    configs: Sequence[Mapping[str, Leaf]],
    bundle: Bundle | None,
    store: Store,
    mark: str,
) -> list[str]:
    """On the node: see the store, and have the data sets ready; what was made of them.

    Args:
        configs: leaves of trials, one for each data set.
        bundle: the files of the user's own that they name.
        store: of the sweep.
        mark: a file of the driver's in a store that is a folder.

    Raises:
        RaypgError: as `try_on_a_node`.
    """
    if not store.is_local:
        store.check_writable()
    elif not Path(mark).exists():
        rule = "must be a folder that every node mounts"
        found = f"on {socket.gethostname()} another one, or none"
        fix = "Name a bucket or a shared folder, by --store or RAYPG_STORE."
        raise StoreError(f"--store {store.uri}", rule, found, fix)
    use(bundle)
    where = "a worker of the cluster"
    return ready_data([load([Layer(where, leaves)]) for leaves in configs])


def ready_data(configs: Sequence[Config]) -> list[str]:
    """Have data sets ready on this machine; what was made of them, a line a note.

    Raises:
        DataError: a file is missing, cut off or damaged.
    """
    notes = (
        f"{config.data.name}: {note}"
        for config in configs
        for note in load_dataset(config.data).notes
    )
    return list(dict.fromkeys(notes))
