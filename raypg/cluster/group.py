"""Several workers a trial: a Ray Train worker group that outlives the trial."""

import os
import threading
import uuid
from typing import Any

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raypg.causes import GROUP_ENDED
from raypg.cluster.connect import Need
from raypg.cluster.mailbox import Mailbox
from raypg.cluster.messages import Assignment, Message
from raypg.cluster.placement import NamedGroupTrainer, group_nodes, mailbox_prefix
from raypg.cluster.post import RemotePost
from raypg.cluster.pulse import FIRST_STEP_RATIO
from raypg.errors import ClusterError
from raypg.store import Store

MAILBOX_THREADS = 16
"""Of the mailbox's actor: each waiting call holds one."""

MAX_REPAIRS = 64
"""More of them, where trials that ran out of memory go on with new workers."""

MAX_RESTARTS = 8
"""Of a group's workers. Past it the trial actor is replaced as well: it is no longer a
trial's fault, and a trial that keeps taking its workers along has failed before."""

LEAST_COLLECTIVE_S = 600.0
"""Longest wait of a rank for the others, at the least. A rank that fails ends its group
at once, so that this bounds hangs alone; it must outlast the upload of a checkpoint,
during which rank 0 waits for Tune's decision."""

NEVER_S = 30 * 24 * 3600.0


class GroupWorkers:
    """A warm group of DDP workers, and the mailbox through which they get trials."""

    def __init__(self, need: Need, assignment: Assignment) -> None:
        here = ray.get_runtime_context().get_node_id()
        self._name = mailbox_prefix() + uuid.uuid4().hex
        actor = ray.remote(Mailbox).options(
            name=self._name,
            num_cpus=0,
            max_concurrency=MAILBOX_THREADS,
            scheduling_strategy=NodeAffinitySchedulingStrategy(here, soft=False),
        )
        self._actor = actor.remote()
        self.mailbox = RemoteMailbox(self._actor)
        self._failure: BaseException | None = None
        self._need = need
        self._repairs = MAX_REPAIRS if assignment.repairs_oom else 0
        self._timeout_s = collective_timeout_s(assignment.hang_timeout_s)
        self._storage = Store(assignment.store)
        self._folder = self._storage.path(assignment.sweep, "groups")
        self._thread = threading.Thread(
            target=self._run, name="raypg-group", daemon=True
        )
        self._thread.start()

    def nodes(self) -> set[str]:
        """Where it runs, by Ray's ids: the mailbox and every worker."""
        here = ray.get_runtime_context().get_node_id()
        return {here, *group_nodes(self._name)}

    def failure(self) -> BaseException | None:
        """What ended the group, where something did: not the trial that it has now.

        What fails a trial is told by its workers, and counted by the mailbox.
        """
        if self._thread.is_alive():
            return None
        said = str(self._failure or "").strip() or "an end without a word"
        fix = "The trial goes on with new workers."
        error = ClusterError("worker group", GROUP_ENDED, said.splitlines()[0], fix)
        error.__cause__ = self._failure
        return error

    def close(self) -> None:
        """Leave the trial, end the group and free its resources."""
        self.mailbox.close()
        self._thread.join(timeout=30)
        ray.kill(self._actor)

    def _run(self) -> None:
        need = self._need
        try:
            NamedGroupTrainer(
                serve_in_group,
                self._name,
                train_loop_config={
                    "mailbox": self._actor,
                    "device": need.device,
                    "timeout_s": self._timeout_s,
                },
                scaling_config=ScalingConfig(
                    num_workers=need.workers_per_trial,
                    use_gpu=need.gpus_per_worker > 0,
                    resources_per_worker=need.per_worker,
                ),
                run_config=RunConfig(
                    name=f"group-{os.getpid()}",
                    storage_path=self._folder,
                    storage_filesystem=self._storage.filesystem,
                    failure_config=FailureConfig(MAX_RESTARTS + self._repairs),
                ),
            ).fit()
        except BaseException as error:
            self._failure = error


def collective_timeout_s(hang_timeout_s: float) -> float:
    """Longest wait of a rank for the others: a hang is found by rank 0, and not by it.

    Args:
        hang_timeout_s: longest silence of rank 0; 0 is without end.
    """
    if not hang_timeout_s:
        return NEVER_S
    return max(LEAST_COLLECTIVE_S, 2 * FIRST_STEP_RATIO * hang_timeout_s)


class RemoteMailbox:
    """A mailbox in an actor, as the trial actor sees it."""

    def __init__(self, actor: Any) -> None:  # noqa: ANN401 Ray's handles have no type
        self._actor = actor

    def assign(self, assignment: Assignment, state: bytes | None) -> int:
        """See `Mailbox.assign`."""
        number: int = ray.get(self._actor.assign.remote(assignment, state))
        return number

    def next_message(self, timeout_s: float) -> Message | None:
        """See `Mailbox.next_message`."""
        message: Message | None = ray.get(self._actor.next_message.remote(timeout_s))
        return message

    def stop(self) -> None:
        """See `Mailbox.stop`."""
        ray.get(self._actor.stop.remote())

    def close(self) -> None:
        """See `Mailbox.close`."""
        ray.get(self._actor.close.remote())

    def want_states(self) -> None:
        """See `Mailbox.want_states`."""
        ray.get(self._actor.want_states.remote())


def serve_in_group(config: dict[str, Any]) -> None:
    """The training function of every worker: trial after trial, all ranks together."""
    from ray import train as ray_train

    from raypg.cluster import ranks

    context = ray_train.get_context()
    rank, num_workers = context.get_world_rank(), context.get_world_size()
    ranks.join_process_group(rank, num_workers, config["device"], config["timeout_s"])
    post = RemotePost(config["mailbox"], ranks.nodes_of_group(num_workers))
    ranks.serve_together(post, rank, num_workers)
