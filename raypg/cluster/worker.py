"""What a worker does with one trial after another: take, train, tell the end."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import torch

from raypg.causes import POLICIES, cause_of
from raypg.cluster.link import Post
from raypg.cluster.mailbox import Delivery
from raypg.cluster.messages import Assignment, Ended
from raypg.cluster.pulse import Pulse
from raypg.cluster.repair import repair_columns
from raypg.config import Config, Layer, fingerprint, load
from raypg.errors import CheckpointError, ClusterError, ConfigError, TrialError
from raypg.own_files import use_own
from raypg.store import Store
from raypg.training.link import Link
from raypg.training.state import unpack_state
from raypg.training.world import World
from raypg.trial import Place, failure_reason, train_trial

SHARED = (TrialError, ConfigError, CheckpointError)
"""Errors that all ranks meet at one place: they follow from what all of them have. A
data file may be missing on one node alone."""

ASK_S = 5.0
"""Longest wait for the next trial before asking again."""


def serve_trials(
    post: Post,
    worlds: Callable[[Assignment], World],
    build_link: Callable[[Delivery], Link],
    pulse: Pulse,
) -> None:
    """Train one trial after another, until the mailbox is closed."""
    while not post.is_closed():
        delivery = post.next_delivery(ASK_S)
        if delivery is not None:
            assignment = delivery.assignment
            with pulse.watching(assignment.trial, assignment.hang_timeout_s):
                ended = run_trial(delivery, worlds(assignment), build_link(delivery))
            post.end(ended)


def run_trial(delivery: Delivery, world: World, link: Link) -> Ended:
    """Train a trial to its end; whatever it raises becomes its reason and traceback.

    What is not the trial's own is raised on: the worker's death is met as any other,
    and the trial is started again.
    """
    try:
        return _train(delivery, world, link)
    except Exception as error:  # the edge of a trial: it becomes a row
        cause = cause_of(error)
        if POLICIES[cause].is_retried:
            raise
        return Ended(
            number=delivery.number,
            status="failed",
            reason=failure_reason(error),
            cause=cause,
            error=traceback.format_exc(),
            summary=repair_columns(delivery.micro_batch),
            is_shared=isinstance(error, SHARED),
            is_lost_peer=world.num_workers > 1 and is_lost_peer(error),
            is_poisoned=is_poisoned(error),
        )
    finally:
        if world.device.type == "cuda":
            # Others may hold a share of the same GPU. A lost one raises once more.
            with suppress(RuntimeError):
                torch.cuda.empty_cache()


def is_lost_peer(error: Exception) -> bool:
    """Whether a collective broke: gloo says so in the text of a RuntimeError."""
    if isinstance(error, torch.distributed.DistError):
        return True
    text = str(error)
    is_told = "gloo" in text or "NCCL" in text or "Connection closed by peer" in text
    return isinstance(error, RuntimeError) and is_told


def is_poisoned(error: Exception) -> bool:
    """Whether a process is of no more use: a CUDA context does not outlive an error."""
    if isinstance(error, torch.OutOfMemoryError):
        return False
    return "CUDA" in str(error) or isinstance(error, torch.AcceleratorError)


def _train(delivery: Delivery, world: World, link: Link) -> Ended:
    assignment = delivery.assignment
    use_own(assignment.store, assignment.sweep, assignment.own)
    config = load([Layer(assignment.trial, assignment.config, lax=False)])
    _check_code(config, world, assignment)
    if assignment.changed:
        leaves = {**assignment.config, **assignment.changed}
        config = load([Layer(assignment.trial, leaves, lax=False)])
    if delivery.micro_batch:
        own = replace(config.train, micro_batch=delivery.micro_batch)
        config = replace(config, train=own)
    state = delivery.state
    if isinstance(state, bytes):
        state = unpack_state(state, assignment.trial)
    place = Place(
        store=Store(assignment.store),
        sweep=assignment.sweep,
        trial=assignment.trial,
        attempt=assignment.attempt,
    )
    end = train_trial(config, world, link, state, place)
    return Ended(
        number=delivery.number,
        status=end.status,
        reason=end.reason,
        summary={**end.summary, **repair_columns(delivery.micro_batch)},
        test=end.test,
    )


def _check_code(config: Config, world: World, assignment: Assignment) -> None:
    """Refuse to train under a fingerprint what this process would train otherwise.

    A worker that starts in the middle of a sweep has the code as it is then, and one on
    another machine has that machine's.
    """
    own = fingerprint(config, device=world.device.type, num_workers=world.num_workers)
    if own.key != assignment.trial:
        rule = "must be trained by the code, data and torch that its sweep started with"
        found = "others on this worker"
        fix = "Start a new sweep: whatever still holds is taken from the store."
        raise ClusterError("worker", rule, found, fix)
