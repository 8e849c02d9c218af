"""What a sweep would train: networks, epochs and steps, counted without a step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from raypg.config import Config, flatten
from raypg.data import dataset_spec
from raypg.faults import format_value
from raypg.plan.expect import Expected, epochs_of
from raypg.plan.spans import Span, at_most, total
from raypg.space import Scheduler
from raypg.trial import model_costs

MOST_NETWORKS = 10
"""Rows of the table of networks; of more, the ends and some between them."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Network:
    """One network that a sweep trains."""

    label: str
    """What sets it apart from the others, as one would type it."""
    num_parameters: int
    num_flops: int
    """Multiply-adds of one image's forward pass."""
    example: Config
    """A trial of it."""


@dataclass(frozen=True)
class Count:
    """What can be said of a sweep without running any of it.

    Attributes:
        networks: at most ten of the different ones, from the smallest settings to the
            largest.
        num_networks: all that are different.
        epochs: of all trials that are to be trained.
        steps: of all trials, each over one global batch.
    """

    networks: Sequence[Network]
    num_networks: int
    epochs: Span
    steps: Span


def count_sweep(expected: Expected, rule: Scheduler | None, num_workers: int) -> Count:
    """Count what a sweep would train; networks are built on the meta device."""
    most = expected.most
    spans = [epochs_of(one, rule, len(most)) for one in most]
    num = len(expected.todo)
    spans[num:] = [at_most(span.high) for span in spans[num:]]
    steps = [
        span.times(steps_per_epoch(one, num_workers))
        for one, span in zip(most, spans, strict=True)
    ]
    networks = set(map(_Built.of, [*most, *expected.corners]))
    ordered = sorted(networks, key=lambda one: one.sort_key)
    shown = spread(ordered, MOST_NETWORKS)
    labels = _labels(ordered)
    rows = [Network(labels[one], *flops_of(one.example), one.example) for one in shown]
    return Count(rows, len(ordered), total(spans), total(steps))


def steps_per_epoch(config: Config, num_workers: int) -> int:
    """Global batches of an epoch; as `Batches.num_steps`, before any data is read."""
    whole, rest = divmod(dataset_spec(config.data).num_train, config.train.batch_size)
    return whole + (rest >= num_workers)


def flops_of(config: Config) -> tuple[int, int]:
    """Parameters of a trial's network, and multiply-adds an image."""
    spec = dataset_spec(config.data)
    return model_costs(config.model, spec.image_shape, spec.num_classes)


def spread(items: Sequence[_T], most: int) -> list[_T]:
    """All items, or the two ends and others at even distances."""
    if len(items) <= most:
        return list(items)
    last = len(items) - 1
    return [items[round(i * last / (most - 1))] for i in range(most)]


@dataclass(frozen=True)
class _Built:
    """What a network is built of: two trials with the same have the same."""

    leaves: tuple[tuple[str, object], ...]
    example: Config = field(compare=False)

    @classmethod
    def of(cls, config: Config) -> "_Built":
        leaves = flatten(config)
        kept = [(k, v) for k, v in leaves.items() if k.startswith("model.")]
        return cls((("data.name", leaves["data.name"]), *kept), config)

    @property
    def sort_key(self) -> list[tuple[str, bool, float, str]]:
        """Numbers by size, the rest by their text."""
        return [
            (key, True, float(value), "")
            if isinstance(value, int | float)
            else (key, False, 0.0, str(value))
            for key, value in self.leaves
        ]


def _labels(networks: Sequence[_Built]) -> dict[_Built, str]:
    """What differs between networks; of a single one, its name."""
    values: dict[str, set[str]] = {}
    for one in networks:
        for key, value in one.leaves:
            values.setdefault(key, set()).add(format_value(value))
    shown = {key for key, found in values.items() if len(found) > 1}
    if not shown:
        return {one: one.example.model.name for one in networks}
    return {
        one: " ".join(
            f"{key.removeprefix('model.')}={format_value(value)}"
            for key, value in one.leaves
            if key in shown
        )
        for one in networks
    }
