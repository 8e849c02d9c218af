"""A learning-rate range test (Smith 2017, arXiv:1506.01186): one short, rising run."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

from torch import Tensor

from raypg.config import Config
from raypg.errors import TrialError
from raypg.sources.starts import read_start
from raypg.store import Store
from raypg.training.isolation import isolate, seed_generators
from raypg.training.parts import Parts, build_parts
from raypg.training.transfer import set_training
from raypg.training.world import World
from raypg.trial import shared_dataset

LOWEST, HIGHEST = 1e-7, 10.0
NUM_STEPS = 100
_MEMORY = 0.9
"""Of the mean of losses: what is left of it after a step."""
_DIVERGED = 4.0
"""Times the least loss; there the test ends, as fastai's does."""
_FIRST, _LAST = 5, 2
"""Steps at both ends that suggest nothing: the mean has yet to form, or the loss runs
away."""


@dataclass(frozen=True)
class LrRange:
    """What the loss did while the rate rose; one entry a step.

    Attributes:
        lrs: rising by the same factor.
        losses: of the step's batch, before the step.
        smoothed: their decayed mean, whose start is corrected for.
        suggested: where that fell the steepest over the logarithm of the rate.
        least: where it was least: too high a rate.
    """

    lrs: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float
    least: float


def find_lr(
    config: Config, world: World, store: Store, *, num_steps: int = NUM_STEPS
) -> LrRange:
    """Train for some steps at a rate that rises from 1e-7 to 10, and keep nothing.

    Args:
        config: of the trial; its own rate, schedule and average do not count, and it
            learns from labels, without a teacher.
        world: device and threads.
        store: has the trial whose weights it starts from, if it names one.
        num_steps: of the whole range.

    Raises:
        TrialError: the loss ran away before there was anything to see.
    """
    off = {"ema": 0.0, "swa_start": 0.0, "swa_lr": 0.0, "teacher": ""}
    train = replace(config.train, **off)  # type: ignore[arg-type]
    config = replace(config, train=train)
    isolate(world, deterministic=config.train.deterministic)
    seed_generators(config.seed, world, 0)
    data, start = shared_dataset(config.data), read_start(config, store)
    parts = build_parts(config, data, world, start)
    set_training(parts.module)
    factor = (HIGHEST / LOWEST) ** (1 / (num_steps - 1))
    lrs, losses, smoothed = list[float](), list[float](), list[float]()
    mean = 0.0
    for step, batch in enumerate(islice(_batches(parts), num_steps)):
        lr = LOWEST * factor**step
        loss = _loss_at(parts, lr, *batch)
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        value = mean / (1 - _MEMORY ** (step + 1))
        if not math.isfinite(value):
            break
        lrs.append(lr)
        losses.append(loss)
        smoothed.append(value)
        if value > _DIVERGED * min(smoothed):
            break
    least = lrs[smoothed.index(min(smoothed))] if lrs else 0.0
    return LrRange(
        tuple(lrs), tuple(losses), tuple(smoothed), _steepest(lrs, smoothed), least
    )


def _batches(parts: Parts) -> Iterator[tuple[int, Tensor, Tensor]]:
    """The batches of epoch after epoch, and how many examples each has."""
    for epoch in count(1):
        seed_generators(parts.config.seed, parts.world, epoch)
        for index, (images_BCHW, labels_B) in enumerate(parts.batches.epoch(epoch)):
            yield parts.batches.global_batch_size(index), images_BCHW, labels_B


def _loss_at(
    parts: Parts, lr: float, size: int, images_BCHW: Tensor, labels_B: Tensor
) -> float:
    """The mean loss of a batch, from which a step is made at this rate."""
    parts.stepper.fixed_lr = lr
    parts.stepper.set_lr(0)
    return float(parts.stepper.step(images_BCHW, labels_B, size)[0]) / size


def _steepest(lrs: Sequence[float], smoothed: Sequence[float]) -> float:
    places = range(_FIRST, len(lrs) - _LAST)
    if not places:
        rule, fix = "must stay finite for some steps", "Is the data right?"
        raise TrialError("--find-lr", rule, f"{len(lrs)} steps", fix)
    # Steps are even in the logarithm of the rate.
    return lrs[min(places, key=lambda i: smoothed[i + 1] - smoothed[i - 1])]
