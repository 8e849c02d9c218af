"""What a worker does with one trial: load, train, write predictions, tell the end."""

import traceback
from collections.abc import Callable
from functools import lru_cache

import torch

from raypg.cluster.link import Post
from raypg.cluster.mailbox import Job
from raypg.cluster.messages import Assignment, Ended
from raypg.config import Config, Layer, load
from raypg.data import Dataset, load_dataset
from raypg.data.config import DataConfig
from raypg.errors import RaypgError, TrialError
from raypg.models import ModelConfig, build_model, count_flops, num_parameters
from raypg.results.predictions import write_predictions
from raypg.store import Store
from raypg.training.link import Link
from raypg.training.loop import train
from raypg.training.outcome import Outcome
from raypg.training.state import unpack_state
from raypg.training.world import World

ASK_S = 5.0
"""Longest wait for the next trial before asking again."""


def serve_trials(
    post: Post, worlds: Callable[[Assignment], World], build_link: Callable[[Job], Link]
) -> None:
    """Train one trial after another, until the mailbox is closed."""
    while not post.is_closed():
        job = post.next_job(ASK_S)
        if job is not None:
            post.end(run_trial(job, worlds(job.assignment), build_link(job)))


def run_trial(job: Job, world: World, link: Link) -> Ended:
    """Train a trial to its end; whatever it raises becomes its reason and traceback."""
    try:
        return _train(job, world, link)
    except Exception as error:  # the edge of a trial: it becomes a row
        return Ended(
            number=job.number,
            status="failed",
            reason=failure_reason(error),
            error=traceback.format_exc(),
            is_shared=isinstance(error, RaypgError),
            poisoned=is_poisoned(error),
        )


def failure_reason(error: Exception) -> str:
    """One line that says why a trial failed."""
    if isinstance(error, TrialError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return f"out of memory: {error}".splitlines()[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]


def is_poisoned(error: Exception) -> bool:
    """Whether a process is of no more use: a CUDA context does not outlive an error."""
    if isinstance(error, torch.OutOfMemoryError):
        return False
    return "CUDA" in str(error) or isinstance(error, torch.AcceleratorError)


def _train(job: Job, world: World, link: Link) -> Ended:
    assignment = job.assignment
    config = load([Layer(assignment.trial, assignment.config, lax=False)])
    data = _dataset(config.data)
    state = job.state
    if isinstance(state, bytes):
        state = unpack_state(state, assignment.trial)
    outcome = train(config, data, world, link, state)
    if outcome.status == "stopped" or not world.is_first:
        return Ended(number=job.number, status=outcome.status)
    _write_predictions(assignment, data, outcome)
    return Ended(
        number=job.number,
        status=outcome.status,
        reason=outcome.reason,
        summary=_summary(config, data, outcome),
        test=_test_columns(outcome),
    )


@lru_cache(maxsize=4)
def _dataset(config: DataConfig) -> Dataset:
    """Memory-mapped and read-only, so that trials in one process may share it."""
    return load_dataset(config)


@lru_cache(maxsize=256)
def model_costs(
    config: ModelConfig, image_shape: tuple[int, int, int], num_classes: int
) -> tuple[int, int]:
    """Parameters, and multiply-adds of one image's forward pass."""
    with torch.device("meta"):
        model = build_model(config, image_shape, num_classes)
    return num_parameters(model), count_flops(model, image_shape)


def _summary(config: Config, data: Dataset, outcome: Outcome) -> dict[str, object]:
    parameters, flops = model_costs(config.model, data.image_shape, data.num_classes)
    return {
        "num_parameters": parameters,
        "num_flops": flops,
        "best_epoch": outcome.best_epoch,
        "best.val.accuracy": outcome.best["val.accuracy"],
        "best.val.loss": outcome.best["val.loss"],
    }


def _test_columns(outcome: Outcome) -> dict[str, float]:
    if outcome.test is None:
        return {}
    return {
        "epoch": outcome.best_epoch,
        "test.loss": outcome.test.loss,
        "test.accuracy": outcome.test.accuracy,
    }


def _write_predictions(assignment: Assignment, data: Dataset, outcome: Outcome) -> None:
    store = Store(assignment.store)
    for table, evaluation, split in (
        ("predictions", outcome.val, data.val),
        ("test_predictions", outcome.test, data.test),
    ):
        if evaluation is not None:
            write_predictions(
                store,
                assignment.sweep,
                assignment.trial,
                assignment.attempt,
                probabilities_NK=evaluation.probabilities_NK.numpy(),
                labels_N=split.labels_N,
                table=table,
            )
