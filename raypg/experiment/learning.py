"""Draws that learn: one of Optuna's samplers over a study of all that ended."""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeGuard

from raypg.experiment.budgets import BudgetDraws
from raypg.experiment.draws import Draws, Known, Observations, RandomDraws
from raypg.experiment.samplers import REMEMBERING, build_sampler, check_sampler
from raypg.experiment.suggesting import in_optuna, suggest, to_param
from raypg.space import PBT, Search, Value

if TYPE_CHECKING:
    import optuna

_DIRECTIONS: Mapping[str, Literal["maximize", "minimize"]] = {
    "max": "maximize",
    "min": "minimize",
}
_ATTEMPTS = 20
"""After so many draws of no use the next ones are at random."""


class OptunaDraws:
    """Draws of one of Optuna's samplers.

    Draw i follows from the seed, i, and what is known of the trials before it: the
    sampler is made anew for each, so that a resumed sweep goes on with the same draws.

    A trial that the scheduler stopped is told as pruned, with its epochs: TPE then
    takes it for worse than every completed one, and for the better the further it came;
    the others leave it aside. Its last value as a result would be held against values
    of other epochs. A trial that failed says nothing of its values. With several
    metrics no trial is stopped, and one that lacks a number says nothing either.
    """

    def __init__(self, search: Search) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._search = search
        self._study = optuna.create_study(
            directions=[_DIRECTIONS[one.mode] for one in search.objectives]
        )
        self._trials: dict[int, optuna.Trial] = {}

    def draw(self, index: int, attempt: int) -> dict[str, Value]:
        """The values of trial `index`."""
        self._study.sampler = self._sampler(index, attempt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Optuna calls experimental
            trial = self._trials[index] = self._study.ask()
            values: dict[str, Value] = {}
            for axis in self._search.axes:
                if self._search.is_active(axis, values):
                    distribution = self._search.distribution(axis)
                    values[axis] = suggest(trial, axis, distribution)
        return values

    def drop(self, index: int) -> None:
        """Tell it as failed, which samplers leave aside."""
        self.tell(index, "failed", (), {})

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """Draw these values."""
        params = {
            axis: to_param(self._search.distribution(axis), value)
            for axis, value in values.items()
        }
        self._study.enqueue_trial(params)
        self.draw(index, 0)
        if self._search.sampler in REMEMBERING:
            # Optuna samples lazily, and all values of this one were given.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._trials[index].relative_params  # noqa: B018

    def observe(self, index: int, epoch: int, value: float) -> None:
        """It learns of a trial when that has ended."""

    def tell(
        self, index: int, status: str, values: Sequence[object], seen: Observations
    ) -> None:
        """How a trial ended, and its value of each metric."""
        from optuna.trial import TrialState

        trial = self._trials.pop(index)
        if not self._search.metrics:  # Optuna takes none for several metrics
            for epoch, metric in seen.items():
                trial.report(metric, epoch)
        numbers = [float(one) for one in values if _is_finite(one)]
        is_whole = len(numbers) == len(self._search.objectives)
        if status in ("completed", "cached") and is_whole:
            self._study.tell(trial, numbers)
        elif status == "stopped":
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, state=TrialState.FAIL)

    def learn(self, known: Known) -> None:
        """Add it to the study."""
        import optuna

        ranges = {axis: self._search.distribution(axis) for axis in known.values}
        self._study.add_trial(
            optuna.trial.create_trial(
                params={a: to_param(ranges[a], v) for a, v in known.values.items()},
                distributions={a: in_optuna(one) for a, one in ranges.items()},
                values=[known.value, *known.beside],
            )
        )

    def _sampler(self, index: int, attempt: int) -> "optuna.samplers.BaseSampler":
        from optuna.samplers import RandomSampler

        if attempt >= _ATTEMPTS:
            seed = f"{self._search.seed}/{index}/{attempt}"
            return RandomSampler(seed=random.Random(seed).getrandbits(32))
        return build_sampler(self._search, index, attempt)


def build_draws(search: Search) -> Draws:
    """The draws that `search.sampler` names; a population is drawn before any ends."""
    if search.sampler == "random" or isinstance(search.scheduler, PBT):
        return RandomDraws(search)
    check_sampler(search)
    if search.sampler == "bohb":
        return BudgetDraws(search)
    return OptunaDraws(search)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
