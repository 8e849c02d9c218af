"""Ray Train's worker groups, started fast, and freed where a trial actor died.

A placement group lives until both the actor and the job that made it are gone. Ray
Train's own cleaner (Ray 2.60) is a detached actor a group, which asks the dashboard
whether its controller lives: without a dashboard neither ever ends. Here a group is
named after its mailbox, an actor that dies with the trial actor, and the driver removes
the groups whose mailbox is gone.
"""

import importlib
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial

import ray
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import (
    PlacementGroupCleanerCallback,
)
from ray.train.v2._internal.execution.callback import (
    ControllerCallback,
    WorkerGroupCallback,
)
from ray.train.v2._internal.execution.worker_group import Worker, worker_group
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

MAKE_ROOM_S = 5.0
"""Longer than a group waits where there is room for it."""


def mailbox_prefix() -> str:
    """How this job's mailboxes are called: other jobs' are not ours to judge."""
    return f"raypg-mailbox-{ray.get_runtime_context().get_job_id()}-"


class NamedGroupTrainer(DataParallelTrainer):  # type: ignore[misc]
    """Ray Train's trainer with placement groups that bear a name, and fewer actors.

    Each actor that Train starts beside the workers costs a second of a core, just as
    they import torch; the one for Ray's data sets has nothing to do here.

    Args:
        mailbox_name: what the group's mailbox is called among Ray's named actors.
        options: as for `DataParallelTrainer`.
    """

    def __init__(
        self, train_loop: object, mailbox_name: str, **options: object
    ) -> None:
        super().__init__(train_loop, **options)
        self._mailbox_name = mailbox_name

    def _create_default_callbacks(self) -> list[object]:
        callbacks = super()._create_default_callbacks()
        left_out = (PlacementGroupCleanerCallback, DatasetsCallback)
        kept = [each for each in callbacks if not isinstance(each, left_out)]
        return [*kept, _NameGroups(self._mailbox_name), _ImportEarly()]


class _NameGroups(ControllerCallback):  # type: ignore[misc]
    """Names, in the controller's process, every placement group that it will make."""

    def __init__(self, name: str) -> None:
        self._name = name

    def after_controller_start(self, train_run_context: object) -> None:
        """There is no option for it: the function that makes them is replaced."""
        worker_group.placement_group = partial(placement_group, name=self._name)


class _ImportEarly(WorkerGroupCallback):  # type: ignore[misc]
    """Has workers import torch while Train still makes them known to each other."""

    def before_init_train_context(self, workers: Sequence[Worker]) -> dict[str, object]:
        """The workers' processes are there, and idle."""
        for worker in workers:
            worker.execute_async(_start_imports)
        return {}


def _start_imports() -> None:
    name = "raypg.cluster.ranks"
    threading.Thread(target=importlib.import_module, args=(name,), daemon=True).start()


def group_nodes(mailbox_name: str) -> set[str]:
    """The nodes on which a group's workers have their places."""
    groups = placement_group_table().values()
    return {
        node
        for group in groups
        if group["name"] == mailbox_name and group["state"] != "REMOVED"
        for node in group["bundles_to_node_id"].values()
    }


class GroupRooms:
    """The places of a sweep's worker groups, looked after once a second."""

    def __init__(self) -> None:
        self._waiting: dict[str, float] = {}

    def tidy(self) -> None:
        """Remove the places of groups that are gone; note which groups wait for one."""
        now, waiting = time.monotonic(), {}
        for handle, name, state in _own_groups():
            try:
                ray.get_actor(name)
            except ValueError:  # nobody is left who would remove it
                remove_placement_group(handle)
            else:
                if state in ("PENDING", "RESCHEDULING"):
                    waiting[name] = self._waiting.get(name, now)
        self._waiting = waiting

    def is_short(self) -> bool:
        """Whether a group has waited so long that idle ones are to make room.

        A cluster that lost a node has less room than it has groups: the idle ones
        would keep theirs for trials that do not come.
        """
        now = time.monotonic()
        return any(now - since >= MAKE_ROOM_S for since in self._waiting.values())


def _own_groups() -> Iterator[tuple[PlacementGroup, str, str]]:
    """This job's placement groups of worker groups: handle, mailbox's name, state."""
    prefix = mailbox_prefix()
    for group_id, group in placement_group_table().items():
        name, state = group["name"], group["state"]
        if name.startswith(prefix) and state != "REMOVED":
            handle = ray.PlacementGroupID(bytes.fromhex(group_id))
            yield PlacementGroup(handle), name, state
