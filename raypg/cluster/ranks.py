"""What the ranks of a worker group do together; only workers import it, for torch."""

import socket
from datetime import timedelta
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray.train.collective import broadcast_from_rank_zero

from raypg.cluster.link import MailboxLink
from raypg.cluster.mailbox import Delivery
from raypg.cluster.post import RemotePost
from raypg.cluster.pulse import Pulse
from raypg.cluster.worker import ASK_S, run_trial
from raypg.training.link import Link, SilentLink
from raypg.training.world import World


def join_process_group(
    rank: int, num_workers: int, device: str, timeout_s: float
) -> None:
    """Set up `torch.distributed` among the workers: NCCL on GPUs, gloo on CPUs."""
    own = None
    if rank == 0:
        with socket.socket() as probe:
            probe.bind(("", 0))
            own = f"tcp://{_own_address()}:{probe.getsockname()[1]}"
    dist.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        init_method=broadcast_from_rank_zero(own),
        rank=rank,
        world_size=num_workers,
        timeout=timedelta(seconds=timeout_s),
    )


def nodes_of_group(num_workers: int) -> set[str]:
    """The ids of the nodes that its workers are on; all ranks ask together."""
    nodes: list[Any] = [None] * num_workers
    dist.all_gather_object(nodes, ray.get_runtime_context().get_node_id())
    return set(nodes)


def serve_together(post: RemotePost, rank: int, num_workers: int) -> None:
    """Train one trial after another with all ranks, until the mailbox is closed.

    Raises:
        RuntimeError: a trial failed on this rank and perhaps not on the others, which
            may now wait for it in a collective: the group is to be replaced.
    """
    pulse = Pulse(post.note_hang)
    while True:
        delivery, is_closed = _next_delivery(post, rank)
        if is_closed:
            return
        if delivery is None:
            continue
        world = _world(delivery, rank, num_workers)
        link: Link = SilentLink()
        limit_s = 0.0
        if rank == 0:
            is_stopped = post.watch_stop(delivery.number)
            link = MailboxLink(post, delivery, is_stopped, pulse)
            # It waits for the others at each step: where one hangs, all are replaced.
            limit_s = delivery.assignment.hang_timeout_s
        with pulse.watching(delivery.assignment.trial, limit_s):
            ended = run_trial(delivery, world, link)
        # A rank that lost another one does not know why: whoever failed has told, and
        # where a process died the trial goes on with new workers.
        if not ended.is_lost_peer and (rank == 0 or ended.status == "failed"):
            post.end(ended)
        if ended.status == "failed" and not ended.is_shared:
            raise RuntimeError(ended.reason)


def _next_delivery(post: RemotePost, rank: int) -> tuple[Delivery | None, bool]:
    """What rank 0 is given, told to all; whether the group is to end."""
    told: list[tuple[Delivery | None, bool] | None] = [None]
    if rank == 0:
        is_closed = post.is_closed()
        told[0] = (None if is_closed else post.next_delivery(ASK_S), is_closed)
    dist.broadcast_object_list(told, src=0)
    assert told[0] is not None
    return told[0]


def _world(delivery: Delivery, rank: int, num_workers: int) -> World:
    kind = delivery.assignment.device
    device = torch.device("cuda:0" if kind == "cuda" else kind)
    return World(rank, num_workers, device, delivery.assignment.num_threads)


def _own_address() -> str:
    """The address under which the other nodes of the cluster reach this one."""
    return str(ray.util.get_node_ip_address())
