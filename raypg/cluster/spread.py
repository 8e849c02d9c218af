"""The trial actors of worker groups, spread over a cluster's nodes.

Such an actor takes no CPU, and Ray (2.60) places what takes none where the most memory
is left: on the one node that has more than the others, as long as it has. The group's
mailbox and Ray Train's controller go where the actor goes. So each actor's place is
asked for on a node that is told: the one with the fewest of them for its room.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ray
from ray.tune import PlacementGroupFactory
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
)

from raypg.cluster.connect import Need
from raypg.cluster.room import group_memory, leaving_nodes, workers_on

Node = Mapping[str, Any]
"""As `ray.nodes` has it."""


class SpreadPlaces(PlacementGroupFactory):  # type: ignore[misc]
    """What Tune asks for the place of a group's trial actor, each time anew.

    The node is a hint, which only a STRICT_PACK group may have: where the actor's
    memory does not fit there, or the node has gone, Ray chooses.

    Args:
        need: of a trial.
    """

    def __init__(self, need: Need) -> None:
        super().__init__([{"memory": group_memory(need)}], "STRICT_PACK")
        self._need = need

    def to_placement_group(self) -> PlacementGroup:
        """Ask for a place; its name says where, for as long as Ray has not answered."""
        target = _roomiest_node(self._need)
        return placement_group(
            self.bundles,
            self.strategy,
            name=f"{_prefix()}{target}-{uuid.uuid4().hex}",
            _soft_target_node_id=target or None,
        )


def _roomiest_node(need: Need) -> str:
    """The node with the fewest trial actors for its workers; empty where none has room.

    Of several the one with the most memory.
    """
    taken, leaving = _places(), leaving_nodes()

    def rank(node: Node) -> tuple[float, float]:
        share = (taken[node["NodeID"]] + 1) / _num_workers(node, need)
        return share, -node["Resources"].get("memory", 0.0)

    nodes = [
        node
        for node in ray.nodes()
        if node["Alive"] and node["NodeID"] not in leaving and _num_workers(node, need)
    ]
    return str(min(nodes, key=rank)["NodeID"]) if nodes else ""


def _num_workers(node: Node, need: Need) -> int:
    return workers_on(node["Resources"], need.per_worker)


def _places() -> Counter[str]:
    """How many trial actors of this job each node has, or is to have."""
    prefix, places = _prefix(), Counter[str]()
    for group in placement_group_table().values():
        name = group["name"]
        if name.startswith(prefix) and group["state"] != "REMOVED":
            asked = name.removeprefix(prefix).partition("-")[0]
            node = next(iter(group["bundles_to_node_id"].values()), "")
            places[node or asked] += 1
    return places


def _prefix() -> str:
    return f"raypg-trial-{ray.get_runtime_context().get_job_id()}-"
