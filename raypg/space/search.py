"""A search: how many trials to draw, from what, and when to stop the poor ones."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from raypg.errors import SpaceError, suggest_name
from raypg.faults import join_errors, quote_value
from raypg.space.checks import (
    MAX_TRIALS,
    axes_faults,
    base_faults,
    choice_faults,
    metric_faults,
    number_faults,
    own_columns,
)
from raypg.space.distributions import (
    Choice,
    Distribution,
    Integer,
    Uniform,
    Value,
    When,
    is_same,
    options_faults,
)
from raypg.space.objectives import Objective, build_objectives, objectives_faults
from raypg.space.scheduler import PB2, PBT, Hyperband, Scheduler, scheduler_faults

Sampler = Literal["tpe", "random", "cmaes", "gp", "nsga2", "qmc", "bohb"]
_SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsga2", "qmc", "bohb")
DEFAULT_METRIC = "val.accuracy"
_MOST_CORNERS = 1024
_EXAMPLE = '"optimizer.lr": log_uniform(1e-3, 1.0)'


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Trials drawn one by one, by one of Optuna's samplers or at random.

    Raises:
        SpaceError: an axis or a number is out of its range; every fault is named.
    """

    base: Mapping[str, Value] = field(default_factory=dict)
    """What all trials share, by dotted name."""
    axes: Mapping[str, Distribution | When]
    """What is drawn, by dotted name; a `when()` depends on an axis above it."""
    trials: int
    """How many to draw, all different."""
    metric: str = DEFAULT_METRIC
    mode: Literal["max", "min"] = "max"
    metrics: Sequence[str] = ()
    """Two or more, for a Pareto front in place of a best trial: columns of `trials`, as
    `NAME` or `NAME:MODE`. The first one is then `metric`, too."""
    sampler: Sampler = "tpe"
    """TPE, random, CMA-ES, a Gaussian process, NSGA-II or quasi-random: Optuna's.
    BOHB's needs `Hyperband` beside it."""
    seed: int = 0
    """Of the draws. What the trials start from is the config's `seed`."""
    scheduler: Scheduler | None = None
    """None: every trial is trained to its end."""
    warm_start: Sequence[str] = ()
    """Sweeps of the same store whose completed trials the sampler knows from the start,
    where their other settings are the same."""
    patience: int = 0
    """Trials that end one after another without a better best, after which no further
    one is drawn; 0: all are."""

    def __post_init__(self) -> None:
        several = self._take_metrics()
        faults = [
            *base_faults(self.base),
            *axes_faults(self.axes, _EXAMPLE),
            *several,
            *metric_faults(self.metric, self.mode, self.base),
            *number_faults("trials", self.trials, 1, MAX_TRIALS),
            *choice_faults("sampler", self.sampler, _SAMPLERS),
            *number_faults("seed", self.seed, 0),
            *number_faults("patience", self.patience, 0),
            *_warm_faults(self.warm_start),
        ]
        if self.scheduler is not None:
            faults += scheduler_faults(self.scheduler, self.trials)
        if self.sampler == "bohb" and not isinstance(self.scheduler, Hyperband):
            rule, fix = "must stand beside Hyperband", 'Write sampler="tpe", or both.'
            found = f"bohb beside {type(self.scheduler).__name__}"
            faults.append(SpaceError("sampler", rule, found, fix))
        if isinstance(self.axes, Mapping):
            faults += _drawn_faults(self.axes)
            faults += _overlap_faults(self)
            faults += _bandit_faults(self)
        if faults:
            raise join_errors(faults)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What trials are judged by; one, or those of a Pareto front."""
        if self.metrics:
            return build_objectives(self.metrics)
        return (Objective(self.metric, self.mode),)

    def _take_metrics(self) -> list[SpaceError]:
        """Let the first of several metrics be the one of what knows but one."""
        if isinstance(self.metrics, list | tuple) and not self.metrics:
            return []
        faults = list(objectives_faults(self.metrics, own_columns(self.base)))
        if faults:
            return faults
        first = self.objectives[0]
        faults = list(_several_faults(self, first))
        object.__setattr__(self, "metric", first.name)
        object.__setattr__(self, "mode", first.mode)
        return faults

    def is_active(self, axis: str, values: Mapping[str, Value]) -> bool:
        """Whether an axis is drawn, given what was drawn for those above it."""
        drawn = self.axes[axis]
        if not isinstance(drawn, When):
            return True
        if drawn.axis not in values:
            return False
        return any(is_same(values[drawn.axis], value) for value in drawn.values)

    def distribution(self, axis: str) -> Distribution:
        """What an axis is drawn from, its condition left aside."""
        drawn = self.axes[axis]
        return drawn.distribution if isinstance(drawn, When) else drawn

    def corners(self) -> Iterator[dict[str, Value]]:
        """The ends of all ranges and all options, in every combination.

        At most 1024, so that a space of many axes is checked in less than a second.
        """
        ends = {axis: self.distribution(axis).ends() for axis in self.axes}
        return itertools.islice(self._combinations(ends), _MOST_CORNERS)

    def probes(self) -> Iterator[dict[str, Value]]:
        """Every option and whole number of each axis once, the others at their first.

        What an axis depends on has the first value under which it counts.
        """
        first = {axis: self.distribution(axis).probes()[:1] for axis in self.axes}
        for axis in self.axes:
            pinned = {**first, axis: self.distribution(axis).probes()}
            drawn = self.axes[axis]
            while isinstance(drawn, When):
                pinned[drawn.axis] = list(drawn.values[:1])
                drawn = self.axes[drawn.axis]
            yield from self._combinations(pinned)

    def _combinations(
        self, options: Mapping[str, Sequence[Value]]
    ) -> Iterator[dict[str, Value]]:
        """Every combination of the options, without the axes that do not count."""

        def extend(
            values: dict[str, Value], axes: list[str]
        ) -> Iterator[dict[str, Value]]:
            if not axes:
                yield values
            elif not self.is_active(axes[0], values):
                yield from extend(values, axes[1:])
            else:
                for option in options[axes[0]]:
                    yield from extend({**values, axes[0]: option}, axes[1:])

        return extend({}, list(self.axes))


def _several_faults(search: Search, first: Objective) -> Iterator[SpaceError]:
    """What knows one metric only, and stands beside several."""
    if search.metric not in (DEFAULT_METRIC, first.name):
        rule, fix = "must be the first of metrics", "Remove it."
        yield SpaceError("metric", rule, quote_value(search.metric), fix)
    if search.mode not in ("max", first.mode):
        rule, fix = f'must be "{first.mode}" for {first.name}', "Remove it."
        yield SpaceError("mode", rule, quote_value(search.mode), fix)
    if search.sampler == "cmaes":
        rule = "must be one that takes several metrics"
        fix = 'Write sampler="nsga2", "tpe", "gp", "qmc" or "random".'
        yield SpaceError("sampler", rule, '"cmaes"', fix)
    if search.scheduler is not None:
        rule, found = "must be left out with several metrics", f"{search.scheduler!r}"
        yield SpaceError("scheduler", rule, found, "It stops trials by one of them.")
    if search.patience:
        rule, found = "must be 0 with several metrics", quote_value(search.patience)
        yield SpaceError("patience", rule, found, "No trial is the best of them.")


def _warm_faults(names: object) -> Iterator[SpaceError]:
    is_list = isinstance(names, list | tuple)
    if not is_list or not all(isinstance(name, str) for name in names):  # type: ignore[attr-defined]
        rule, fix = "must be a list of sweeps", 'Write warm_start=("sweep-a",).'
        yield SpaceError("warm_start", rule, quote_value(names), fix)


def _overlap_faults(search: Search) -> Iterator[SpaceError]:
    """Axes that something else in the space sets, too."""
    for axis in search.axes:
        if isinstance(search.base, Mapping) and axis in search.base:
            where, found = f'base["{axis}"]', quote_value(search.base[axis])
            fix = f'Remove it, or remove axes["{axis}"].'
            yield SpaceError(where, "must not be an axis too", found, fix)
        if axis == "train.epochs" and search.scheduler is not None:
            where, rule = f'axes["{axis}"]', "must not be an axis under a scheduler"
            found, fix = repr(search.scheduler), "Remove it: max_epochs is its value."
            yield SpaceError(where, rule, found, fix)
        if isinstance(search.axes[axis], When) and isinstance(search.scheduler, PBT):
            where = f'axes["{axis}"]'
            rule = f"must not be a when() under {type(search.scheduler).__name__}"
            fix = "Write its range alone: what it depends on does not change."
            yield SpaceError(where, rule, f"{search.axes[axis]!r:.60}", fix)


def _bandit_faults(search: Search) -> Iterator[SpaceError]:
    """Axes that a Gaussian process could say nothing of."""
    drawn = search.axes.values()
    if isinstance(search.scheduler, PB2) and all(isinstance(d, Choice) for d in drawn):
        rule, found = "must have an axis of numbers under PB2", "choices alone"
        fix = "Write uniform(), log_uniform() or integer(), or scheduler=PBT(…)."
        yield SpaceError("axes", rule, found, fix)


def _drawn_faults(axes: Mapping[str, object]) -> Iterator[SpaceError]:
    above: dict[str, Distribution] = {}
    for axis, drawn in axes.items():
        where = f'axes["{axis}"]'
        if isinstance(drawn, When):
            yield from _condition_faults(where, drawn, above)
            drawn = drawn.distribution
        if not isinstance(drawn, Uniform | Integer | Choice):
            rule = "must be uniform(), log_uniform(), integer(), choice() or when()"
            fix = "A list of values is for an Ablation; in a Search it is choice(…)."
            yield SpaceError(where, rule, f"{drawn!r:.60}", fix)
            continue
        above[axis] = drawn
        for rule, found in drawn.faults():
            yield SpaceError(where, rule, found, "Change the range or the options.")


def _condition_faults(
    where: str, drawn: When, above: Mapping[str, Distribution]
) -> Iterator[SpaceError]:
    if drawn.axis not in above:
        rule, found = "when() must name an axis above it", quote_value(drawn.axis)
        fix = suggest_name(str(drawn.axis), above) if above else "Put that axis first."
        yield SpaceError(where, rule, found, fix)
        return
    parent = above[drawn.axis]
    if not isinstance(parent, Choice):
        rule = "when() must depend on a choice()"
        yield SpaceError(where, rule, repr(parent), "Depend on another axis.")
        return
    for rule, found in options_faults(drawn.values):
        yield SpaceError(where, f"when() {rule}", found, "Change its values.")
    known = ", ".join(map(quote_value, parent.options))
    for value in drawn.values:
        if not any(is_same(value, option) for option in parent.options):
            rule = f"when() must name options of {drawn.axis}"
            yield SpaceError(where, rule, quote_value(value), f"Options: {known}.")
