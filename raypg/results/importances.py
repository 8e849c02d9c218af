"""Which axes of a search matter, by Optuna's evaluators over its completed trials."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raypg.faults import format_value
from raypg.results.arms import ENDED_WELL
from raypg.results.memo import FlatRow

if TYPE_CHECKING:
    import optuna

LEAST_TRIALS = 4
"""Completed ones, below which a forest has nothing to split."""

MOST_NAMES = 12
"""Of an axis of names: fANOVA of 200 trials takes 11 s with ten of them, and minutes
with twenty (one core of an EPYC, Optuna 5.0)."""

LOG_SPREAD = 100
"""The largest value over the smallest, above which a range counts as logarithmic."""


@dataclass(frozen=True)
class Importance:
    """How much of the metric's variance an axis explains; all axes sum to 1.

    Attributes:
        axis: dotted name, without `config.`.
        fanova: Hutter et al. 2014; None for an axis that not every trial has, or that
            has more than `MOST_NAMES`.
        mdi: mean decrease of impurity in a random forest; None for an axis that not
            every trial has.
        num_trials: completed ones, that it is known from.
    """

    axis: str
    fanova: float | None
    mdi: float | None
    num_trials: int


def find_importances(
    rows: Sequence[FlatRow], metric: str, axes: Sequence[str]
) -> list[Importance]:
    """The importances of a search's axes, the greatest first.

    Trials that the scheduler stopped are left out: their values are of other epochs.
    The forests are seeded, so that the same trials give the same numbers.

    Args:
        rows: of `trials`.
        metric: what they are judged by.
        axes: dotted names, without `config.`.

    Returns:
        Nothing where fewer than four trials completed, or all reached the same.
    """
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    rated = [row for row in ended if _is_number(row.get(metric))]
    if len(rated) < LEAST_TRIALS or len({row[metric] for row in rated}) < 2:
        return []
    from optuna.importance import (
        FanovaImportanceEvaluator,
        MeanDecreaseImpurityImportanceEvaluator,
        get_param_importances,
    )
    from optuna.search_space import intersection_search_space

    study = build_study(rated, metric, axes)
    space = intersection_search_space(study.get_trials(deepcopy=False))
    few = [n for n, kind in space.items() if _num_names(kind) <= MOST_NAMES]
    fanova = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if few:
            forest = FanovaImportanceEvaluator(seed=0)
            fanova = get_param_importances(study, evaluator=forest, params=few)
        mdi = get_param_importances(
            study, evaluator=MeanDecreaseImpurityImportanceEvaluator(seed=0)
        )
    found = [
        Importance(axis, fanova.get(axis), mdi.get(axis), len(rated)) for axis in axes
    ]
    return sorted(found, key=lambda one: -(one.fanova or one.mdi or 0.0))


def build_study(
    rows: Sequence[FlatRow], metric: str, axes: Sequence[str], mode: str = "max"
) -> "optuna.Study":
    """An Optuna study in memory that holds trials of the tables.

    What the axes were drawn from is taken from the values that the trials had.

    Args:
        rows: of `trials`, each with a finite value of the metric.
        metric: its column.
        axes: dotted names, without `config.`.
        mode: `max` or `min`.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
    params = [_params(row, axes) for row in rows]
    kinds = {
        axis: distribution_of([own[axis] for own in params if axis in own])
        for axis in {axis for own in params for axis in own}
    }
    for row, own in zip(rows, params, strict=True):
        trial = optuna.trial.create_trial(
            params=own,
            distributions={axis: kinds[axis] for axis in own},
            value=row[metric],
        )
        study.add_trial(trial)
    return study


def distribution_of(values: Sequence[Any], *, is_grid: bool = False) -> Any:  # noqa: ANN401 one of Optuna's
    """The least distribution that holds some values, as `param_of` gives them.

    Args:
        values: of one axis; at least one.
        is_grid: whether they are arms of an ablation, which no range was drawn from.
    """
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    kinds = {type(value) for value in values}
    if is_grid or not kinds <= {int, float}:
        return CategoricalDistribution(list(dict.fromkeys(values)))
    low, high = min(values), max(values)
    if kinds == {int}:
        return IntDistribution(low, high)
    return FloatDistribution(low, high, log=low > 0 and high / low > LOG_SPREAD)


def param_of(value: Any) -> Any:  # noqa: ANN401 a cell
    """A value as a study may hold it: a list becomes its text."""
    return format_value(value) if isinstance(value, list) else value


def _params(row: FlatRow, axes: Sequence[str]) -> dict[str, Any]:
    values = {axis: row.get(f"config.{axis}") for axis in axes}
    return {axis: param_of(v) for axis, v in values.items() if v is not None}


def _num_names(kind: Any) -> int:  # noqa: ANN401 one of Optuna's
    return len(getattr(kind, "choices", ()))


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)
