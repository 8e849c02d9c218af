"""Which axes of a search matter, by Optuna's evaluators over its completed trials."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raypg.results.arms import ENDED_WELL
from raypg.results.memo import FlatRow

if TYPE_CHECKING:
    import optuna

LEAST_TRIALS = 4
"""Completed ones, below which a forest has nothing to split."""

_LOG_SPAN = 10.0
"""The largest over the smallest value, from which an axis is taken for logarithmic."""


@dataclass(frozen=True)
class Importance:
    """How much of the metric's variance an axis explains; all axes sum to 1.

    Attributes:
        axis: dotted name, without `config.`.
        fanova: Hutter et al. 2014; None for an axis that not every trial has.
        mdi: mean decrease of impurity in a random forest; None likewise.
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

    study = build_study(rated, metric, axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fanova = get_param_importances(
            study, evaluator=FanovaImportanceEvaluator(seed=0)
        )
        mdi = get_param_importances(
            study, evaluator=MeanDecreaseImpurityImportanceEvaluator(seed=0)
        )
    found = [
        Importance(axis, fanova.get(axis), mdi.get(axis), len(rated)) for axis in axes
    ]
    return sorted(found, key=lambda one: -(one.fanova or 0.0))


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
    known = {axis: [row.get(f"config.{axis}") for row in rows] for axis in axes}
    kinds = {axis: distribution_of(values) for axis, values in known.items()}
    for row in rows:
        values = {axis: row.get(f"config.{axis}") for axis in axes}
        params = {a: _param(v, kinds[a]) for a, v in values.items() if v is not None}
        trial = optuna.trial.create_trial(
            params=params,
            distributions={axis: kinds[axis] for axis in params},
            value=row[metric],
        )
        study.add_trial(trial)
    return study


def distribution_of(values: Sequence[Any]) -> Any:  # noqa: ANN401 one of Optuna's
    """What values may have been drawn from: a range of numbers, or a choice."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    known = [value for value in values if value is not None]
    if known and all(isinstance(v, int) and not isinstance(v, bool) for v in known):
        return IntDistribution(min(known), max(known))
    if known and all(isinstance(value, float) for value in known):
        low, high = min(known), max(known)
        log = low > 0 and high / low >= _LOG_SPAN
        return FloatDistribution(low, high, log=log)
    options = dict.fromkeys(_option(value) for value in known)
    return CategoricalDistribution([*options] or [None])


def _param(value: object, kind: object) -> object:
    return _option(value) if hasattr(kind, "choices") else value


def _option(value: Any) -> Any:  # noqa: ANN401 a cell
    """A list is text to Optuna."""
    return str(value) if isinstance(value, list) else value


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)
