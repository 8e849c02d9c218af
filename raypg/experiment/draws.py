"""What a search tries next, and draws at random."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from raypg.space import Choice, Distribution, Integer, Search, Value

Observations = Mapping[int, float]
"""The metric by epoch."""


@dataclass(frozen=True, slots=True)
class Known:
    """A trial of another sweep, and what it gave."""

    values: Mapping[str, Value]
    """Of the axes that count in it."""
    value: float
    """The metric at its end."""
    beside: Sequence[float] = ()
    """The further ones, of a search that has several."""


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

    def observe(self, index: int, epoch: int, value: float) -> None:
        """An epoch of a trial that is under way gave this."""
        ...

    def tell(
        self, index: int, status: str, values: Sequence[object], seen: Observations
    ) -> None:
        """How a trial ended, and its value of each metric; what is missing is None."""
        ...

    def learn(self, known: Known) -> None:
        """Of a trial that was not drawn here; before the first draw."""
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
                values[axis] = draw_one(self._search.distribution(axis), rng)
        return values

    def drop(self, index: int) -> None:
        """Nothing is kept."""

    def enqueue(self, index: int, values: Mapping[str, Value]) -> None:
        """Nothing is kept."""

    def observe(self, index: int, epoch: int, value: float) -> None:
        """Nothing is learnt."""

    def tell(
        self, index: int, status: str, values: Sequence[object], seen: Observations
    ) -> None:
        """Nothing is learnt."""

    def learn(self, known: Known) -> None:
        """Nothing is learnt."""


def draw_one(distribution: Distribution, rng: random.Random) -> Value:
    """A value at random."""
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
