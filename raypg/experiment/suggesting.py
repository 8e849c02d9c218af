"""Axes and their values as Optuna has them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from raypg.space import Choice, Distribution, Integer, Value, is_same

if TYPE_CHECKING:
    import optuna


def suggest(trial: "optuna.Trial", axis: str, distribution: Distribution) -> Value:
    """A value of an axis, from the sampler of the trial's study."""
    if isinstance(distribution, Choice):
        # By index: an option may be a list, which Optuna cannot store.
        options: Sequence[Value] = distribution.options
        return options[trial.suggest_categorical(axis, list(range(len(options))))]
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, Integer):
        high = int(distribution.ends()[-1])  # type: ignore[arg-type]
        return trial.suggest_int(axis, int(low), high, step=distribution.step, log=log)
    return trial.suggest_float(axis, low, high, log=log)


def in_optuna(
    distribution: Distribution,
) -> "optuna.distributions.BaseDistribution":
    """The same as Optuna stores it, for trials that it did not draw."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(distribution, Choice):
        return CategoricalDistribution(range(len(distribution.options)))
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, Integer):
        high = int(distribution.ends()[-1])  # type: ignore[arg-type]
        return IntDistribution(int(low), high, step=distribution.step, log=log)
    return FloatDistribution(low, high, log=log)


def to_param(distribution: Distribution, value: Value) -> object:
    """A value as Optuna stores it."""
    if isinstance(distribution, Choice):
        options = distribution.options
        return next(i for i, option in enumerate(options) if is_same(option, value))
    return value
