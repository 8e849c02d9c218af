"""What a search tries next: draws at random, or Optuna's TPE."""

import math
import random
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from raypg.space import Choice, Distribution, Integer, Search, Value, is_same

if TYPE_CHECKING:
    import optuna

Observations = Mapping[int, float]
"""The metric by epoch."""
_TPE_ATTEMPTS = 20


class Draws(Protocol):
    """Draws values of axes; is told in the end what they gave."""

    def draw(self, index: int, attempt: int) -> dict[str, Value]:
        """The values of trial `index`; `attempt` counts draws that are of no use."""
        ...

    def drop(self, index: int) -> None:
        """What was drawn last for a trial is not used."""
        ...

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """A trial of an interrupted sweep has these values, and is not done."""
        ...

    def tell(
        self, index: int, status: str, value: float | None, seen: Observations
    ) -> None:
        """How a trial ended."""
        ...


class RandomDraws:
    """Draw i follows from the seed and i alone, whatever ends when."""

    def __init__(self, search: Search) -> None:
        self._search = search

    def draw(self, index: int, attempt: int) -> dict[str, Value]:
        """The values of trial `index`."""
        # Text seeds go through SHA-512: the same on every machine and Python.
        rng = random.Random(f"{self._search.seed}/{index}/{attempt}")
        values: dict[str, Value] = {}
        for axis in self._search.axes:
            if self._search.is_active(axis, values):
                values[axis] = _draw_one(self._search.distribution(axis), rng)
        return values

    def drop(self, index: int) -> None:
        """Nothing is kept."""

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """Nothing is kept."""

    def tell(
        self, index: int, status: str, value: float | None, seen: Observations
    ) -> None:
        """Nothing is learnt."""


class TpeDraws:
    """Optuna's tree-structured Parzen estimator.

    Draw i follows from the seed, i, and what is known of the trials before it: the
    sampler is made anew for each, so that a resumed sweep goes on with the same draws.

    A trial that the scheduler stopped is told as pruned, with its epochs: TPE then
    takes it for worse than every completed one, and for the better the further it came.
    Its last value as a result would be held against values of other epochs. A trial
    that failed says nothing of its values.
    """

    def __init__(self, search: Search) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._search = search
        self._study = optuna.create_study(
            direction="maximize" if search.mode == "max" else "minimize"
        )
        self._trials: dict[int, optuna.Trial] = {}

    def draw(self, index: int, attempt: int) -> dict[str, Value]:
        """The values of trial `index`."""
        self._study.sampler = self._sampler(index, attempt)
        trial = self._trials[index] = self._study.ask()
        values: dict[str, Value] = {}
        for axis in self._search.axes:
            if self._search.is_active(axis, values):
                distribution = self._search.distribution(axis)
                values[axis] = _suggest(trial, axis, distribution)
        return values

    def drop(self, index: int) -> None:
        """Tell it as failed, which TPE leaves aside."""
        self.tell(index, "failed", None, {})

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """Draw these values."""
        params = {
            axis: _to_param(self._search.distribution(axis), value)
            for axis, value in values.items()
        }
        self._study.enqueue_trial(params)
        self.draw(index, 0)

    def tell(
        self, index: int, status: str, value: float | None, seen: Observations
    ) -> None:
        """How a trial ended."""
        from optuna.trial import TrialState

        trial = self._trials.pop(index)
        for epoch, metric in seen.items():
            trial.report(metric, epoch)
        if status in ("completed", "cached") and _is_finite(value):
            self._study.tell(trial, value)
        elif status == "stopped":
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, state=TrialState.FAIL)

    def _sampler(self, index: int, attempt: int) -> "optuna.samplers.BaseSampler":
        from optuna.samplers import RandomSampler, TPESampler

        seed = random.Random(f"{self._search.seed}/{index}/{attempt}").getrandbits(32)
        if attempt >= _TPE_ATTEMPTS:
            return RandomSampler(seed=seed)
        with warnings.catch_warnings():
            # Three options that Optuna calls experimental: joint draws, also under
            # conditions, and not twice the same place while trials are running.
            warnings.simplefilter("ignore")
            return TPESampler(
                seed=seed, multivariate=True, group=True, constant_liar=True
            )


def build_draws(search: Search) -> Draws:
    """The draws that `search.sampler` names."""
    return TpeDraws(search) if search.sampler == "tpe" else RandomDraws(search)


def _draw_one(distribution: Distribution, rng: random.Random) -> Value:
    if isinstance(distribution, Choice):
        return rng.choice(distribution.options)
    low, high = distribution.low, distribution.high
    if isinstance(distribution, Integer):
        if distribution.log:
            # Each whole number owns the half-open interval above it.
            drawn = math.exp(rng.uniform(math.log(low), math.log(high + 1)))
            return min(max(int(drawn), int(low)), int(high))
        return rng.randrange(int(low), int(high) + 1, distribution.step)
    if distribution.log:
        drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
        return min(max(drawn, float(low)), float(high))
    return rng.uniform(low, high)


def _suggest(trial: "optuna.Trial", axis: str, distribution: Distribution) -> Value:
    if isinstance(distribution, Choice):
        # By index: an option may be a list, which Optuna cannot store.
        options: Sequence[Value] = distribution.options
        return options[trial.suggest_categorical(axis, list(range(len(options))))]
    low, high, log = distribution.low, distribution.high, distribution.log
    if isinstance(distribution, Integer):
        high = int(distribution.ends()[-1])  # type: ignore[arg-type]
        return trial.suggest_int(axis, int(low), high, step=distribution.step, log=log)
    return trial.suggest_float(axis, low, high, log=log)


def _to_param(distribution: Distribution, value: Value) -> object:
    if isinstance(distribution, Choice):
        options = distribution.options
        return next(i for i, option in enumerate(options) if is_same(option, value))
    return value


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
