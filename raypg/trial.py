"""One trial from its config to its results, wherever it is trained.

A cluster's worker and `python -m raypg.train` do the same: load the data, train, write
the predictions, and say how it ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from raypg.causes import cause_of
from raypg.config import Config
from raypg.data import Dataset, load_dataset
from raypg.data.config import DataConfig
from raypg.errors import TrialError
from raypg.models import (
    DenseNetConfig,
    ModelConfig,
    build_model,
    count_flops,
    effective_depth,
    num_parameters,
)
from raypg.processor import processor_name
from raypg.results.predictions import write_predictions
from raypg.sources.starts import read_start
from raypg.sources.teachers import with_teacher
from raypg.store import Store
from raypg.training.evaluation import Evaluation
from raypg.training.isolation import isolate
from raypg.training.link import Link
from raypg.training.loop import train
from raypg.training.outcome import Outcome
from raypg.training.state import State
from raypg.training.world import World


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the predictions of one attempt of a trial are kept."""

    store: Store
    sweep: str
    trial: str
    attempt: int
    sources: Store | None = None
    """That has the trials which this one goes out from; None is `store`."""


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """How a trial ended that did not raise.

    Attributes:
        status: `completed` or `stopped`.
        reason: why before its last epoch; empty otherwise.
        summary: columns of the `trials` table that only the trainer knows.
        test: columns of the `test_results` table.
    """

    status: str
    reason: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)


def train_trial(
    config: Config, world: World, link: Link, state: State | None, place: Place
) -> TrialEnd:
    """Train a trial, from the start or from a state, and keep its predictions.

    Args:
        config: of the trial.
        world: this worker's rank, device and threads.
        link: hears of each epoch, and may stop the trial.
        state: where to go on from; None starts afresh.
        place: for the predictions, which rank 0 writes.

    Raises:
        DataError: the data set cannot be loaded.
        ConfigError: a trial that it goes out from is not there any more.
        TrialError: the loss is not finite.
    """
    data = shared_dataset(config.data)
    # Before the first tensor: counting FLOPs is to use this worker's threads and heap.
    isolate(world, deterministic=config.train.deterministic)
    if world.is_first:
        link.describe({**_costs(config, data), **_machine(world)})
    begin = state or read_start(config, place.sources or place.store)
    data = with_teacher(config, data, place.sources or place.store, world)
    outcome = train(config, data, world, link, begin)
    link.rest()
    if outcome.status == "stopped" or not world.is_first:
        return TrialEnd(status=outcome.status)
    reasons = [outcome.reason, _write_predictions(place, data, outcome)]
    return TrialEnd(
        status=outcome.status,
        reason="; ".join(filter(None, reasons)),
        summary={
            **_costs(config, data),
            **_machine(world),
            **_best(outcome),
            **({"compile_s": outcome.compile_s} if outcome.compile_s else {}),
        },
        test=_test_columns(outcome.best_epoch, outcome.test),
    )


def failure_reason(error: Exception) -> str:
    """One line that says why a trial failed."""
    if isinstance(error, TrialError):
        return str(error)
    if cause_of(error) == "out_of_memory":
        return f"out of memory: {error}".splitlines()[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]


@lru_cache(maxsize=4)
def shared_dataset(config: DataConfig) -> Dataset:
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


def _costs(config: Config, data: Dataset) -> dict[str, int]:
    parameters, flops = model_costs(config.model, data.image_shape, data.num_classes)
    costs = {"num_parameters": parameters, "num_flops": flops}
    if isinstance(config.model, DenseNetConfig) and config.model.round_depth:
        costs["built_depth"] = effective_depth(config.model)
    return costs


def _machine(world: World) -> dict[str, str]:
    name = processor_name(world.device.type)
    return {"processor": name} if name else {}


def _best(outcome: Outcome) -> dict[str, object]:
    return {
        "best_epoch": outcome.best_epoch,
        **{f"best.{n}": v for n, v in outcome.best.items() if n.startswith("val.")},
    }


def _test_columns(epoch: int, test: Evaluation | None) -> dict[str, float]:
    if test is None:
        return {}
    return {"epoch": epoch, "test.loss": test.loss, "test.accuracy": test.accuracy}


def _write_predictions(place: Place, data: Dataset, outcome: Outcome) -> str:
    """Write them; why they are missing, where the store does not take them."""
    try:
        _append_predictions(place, data, outcome)
    except OSError as error:
        return f"its predictions could not be written: {error}"
    return ""


def _append_predictions(place: Place, data: Dataset, outcome: Outcome) -> None:
    for table, evaluation, split in (
        ("predictions", outcome.val, data.val),
        ("test_predictions", outcome.test, data.test),
    ):
        if evaluation is not None:
            write_predictions(
                place.store,
                place.sweep,
                place.trial,
                place.attempt,
                probabilities_NK=evaluation.probabilities_NK.numpy(),
                labels_N=split.labels_N,
                table=table,
            )
