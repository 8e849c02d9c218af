"""BOHB's draws (Falkner et al. 2018, algorithm 2): a model for each budget."""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from raypg.experiment.draws import Known, Observations, RandomDraws
from raypg.experiment.samplers import build_budget_sampler
from raypg.experiment.suggesting import in_optuna, suggest, to_param
from raypg.space import Hyperband, Search, Value

if TYPE_CHECKING:
    import optuna

RANDOM_SHARE = 1 / 3
"""Of the draws, whatever is known: the paper's."""
_ATTEMPTS = 20
"""After so many draws of no use the next ones are at random."""


class BudgetDraws:
    """Draws from what was seen at the largest budget that says enough.

    A budget is an epoch at which Hyperband compares trials, or the last one. It says
    enough with three more values than there are axes. A trial counts at each budget
    that it has come to, whether it has been stopped there, waits, or went on. Draw i
    follows from the seed, i, and what was seen before it.
    """

    def __init__(self, search: Search) -> None:
        assert isinstance(search.scheduler, Hyperband)
        self._search = search
        self._last = search.scheduler.max_epochs
        rungs = {one for _, rungs in search.scheduler.brackets() for one in rungs}
        self._seen: dict[int, dict[int, float]] = {
            one: {} for one in sorted({*rungs, self._last})
        }
        """By budget, the metric by trial."""
        self._values: dict[int, Mapping[str, Value]] = {}
        self._random = RandomDraws(search)
        self._num_known = 0

    @property
    def budget(self) -> int:
        """The epoch whose model the next draw is of; 0: none has values enough."""
        least = len(self._search.axes) + 3
        enough = [one for one, seen in self._seen.items() if len(seen) >= least]
        return max(enough, default=0)

    def draw(self, index: int, attempt: int) -> dict[str, Value]:
        """The values of trial `index`."""
        # Not the text of RandomDraws: its first number would follow from this one.
        rng = random.Random(f"bohb/{self._search.seed}/{index}/{attempt}")
        is_random = rng.random() < RANDOM_SHARE or attempt >= _ATTEMPTS
        if is_random or not self.budget:
            values = self._random.draw(index, attempt)
        else:
            values = self._draw_near(self.budget, rng.getrandbits(32))
        self._values[index] = values
        return values

    def drop(self, index: int) -> None:
        """It was not tried."""
        del self._values[index]

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """These are the values."""
        self._values[index] = values

    def observe(self, index: int, epoch: int, value: float) -> None:
        """Keep what a budget gave."""
        if epoch in self._seen:
            self._seen[epoch][index] = value

    def tell(
        self, index: int, status: str, values: Sequence[object], seen: Observations
    ) -> None:
        """What completed is seen at the last budget, whenever it ended by itself."""
        value, *_ = values
        if status in ("completed", "cached") and isinstance(value, int | float):
            if math.isfinite(value):
                self.observe(index, self._last, value)

    def learn(self, known: Known) -> None:
        """It completed elsewhere, with as many epochs."""
        self._num_known += 1
        self._values[-self._num_known] = known.values
        self.observe(-self._num_known, self._last, known.value)

    def _draw_near(self, budget: int, seed: int) -> dict[str, Value]:
        """Values like those of the best at a budget, unlike the others'."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        search, values = self._search, dict[str, Value]()
        study = optuna.create_study(
            direction="maximize" if search.mode == "max" else "minimize",
            sampler=build_budget_sampler(len(search.axes), seed),
        )
        # In the order of the draws: who came first at a budget must not count.
        for index, value in sorted(self._seen[budget].items()):
            study.add_trial(self._as_trial(self._values[index], value))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Optuna calls experimental
            trial = study.ask()
            for axis in search.axes:
                if search.is_active(axis, values):
                    values[axis] = suggest(trial, axis, search.distribution(axis))
        return values

    def _as_trial(
        self, values: Mapping[str, Value], value: float
    ) -> "optuna.trial.FrozenTrial":
        import optuna

        ranges = {axis: self._search.distribution(axis) for axis in values}
        return optuna.trial.create_trial(
            params={axis: to_param(ranges[axis], one) for axis, one in values.items()},
            distributions={axis: in_optuna(one) for axis, one in ranges.items()},
            value=value,
        )
