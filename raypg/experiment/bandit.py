"""Population based bandits (Parker-Holder et al. 2020): which values to go on with.

What a member gained in an epoch is a function of when that was, of the score that it
began with, and of the values of its axes. A Gaussian process is fitted to all epochs of
all members, its memory of the past fading; a copying member goes on with the values
whose gain may be the highest (upper confidence bound).
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from raypg.space import Choice, Distribution, Integer, Search, Value

LENGTH_SCALES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Of the unit cube that the axes span."""
FORGETTING = (0.0, 0.02, 0.1, 0.3)
"""How much less two epochs have in common for each one between them (the paper's ε)."""
NOISES = (0.01, 0.1, 0.5)
"""Variance that an epoch's gain has of itself, of 1 in all."""
MOST_GAINS = 400
"""The newest: older ones have faded, and a fit takes the cube of their number."""
NUM_CANDIDATES = 1_000
NEARBY = 0.1
"""Standard deviation of the candidates that are drawn around the donor's values."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gain:
    """What one epoch of one member gave.

    Attributes:
        epoch: which.
        before: the score that it began with; the higher the better.
        values: of all axes.
        gain: by how much the score rose.
    """

    epoch: int
    before: float
    values: Mapping[str, Value]
    gain: float


class Bandit:
    """Chooses the values of members that copy after one round, one after the other.

    Args:
        search: whose axes they are.
        gains: of all epochs before.
        epoch: the first one of those that are chosen for.
    """

    def __init__(self, search: Search, gains: Sequence[Gain], epoch: int) -> None:
        self._axes = {
            axis: distribution
            for axis in search.axes
            if not isinstance(distribution := search.distribution(axis), Choice)
        }
        self._epoch = epoch
        known = [one for one in gains if math.isfinite(one.before + one.gain)]
        known = sorted(known, key=lambda one: one.epoch)[-MOST_GAINS:]
        self._pending: list[Floats] = []
        self._process: _Process | None = None
        if len(known) < 2:
            return
        before = [one.before for one in known]
        self._low, self._span = min(before), (max(before) - min(before)) or 1.0
        points = [self._point(one.epoch, one.before, one.values) for one in known]
        self._process = _fit(np.array(points), np.array([one.gain for one in known]))

    def choose(
        self, before: float, values: Mapping[str, Value], rng: random.Random
    ) -> dict[str, Value] | None:
        """Values of the axes that have numbers; None where too little is known.

        Args:
            before: the score to go on from.
            values: what the donor had.
            rng: draws the candidates.
        """
        if self._process is None or not math.isfinite(before):
            return None
        here = self._point(self._epoch, before, values)
        num_axes = len(self._axes)
        drawn = [[rng.random() for _ in range(num_axes)] for _ in range(NUM_CANDIDATES)]
        near = [
            [min(max(rng.gauss(unit, NEARBY), 0.0), 1.0) for unit in here[2:]]
            for _ in range(NUM_CANDIDATES // 4)
        ]
        candidates = np.array([here[2:], *near, *drawn])
        context = np.broadcast_to(here[:2], (len(candidates), 2))
        points = np.hstack([context, candidates])
        best = points[int(np.argmax(self._process.bound(points, self._pending)))]
        # The next one is to look elsewhere, whatever this one will give.
        self._pending.append(best)
        chosen = zip(self._axes.items(), best[2:], strict=True)
        return {axis: from_unit(one, float(unit)) for (axis, one), unit in chosen}

    def _point(self, epoch: int, before: float, values: Mapping[str, Value]) -> Floats:
        """Epoch, score before in its range, and the axes in the unit cube."""
        units = [to_unit(one, values[axis]) for axis, one in self._axes.items()]
        return np.array([float(epoch), (before - self._low) / self._span, *units])


@dataclass(frozen=True, slots=True)
class _Process:
    """A Gaussian process over points, which have been given standardized gains."""

    points: Floats
    gains: Floats
    length_scale: float
    forgetting: float
    noise: float

    def kernel(self, a: Floats, b: Floats) -> Floats:
        """Covariances of all of one with all of the other."""
        squares = ((a[:, None, 1:] - b[None, :, 1:]) ** 2).sum(-1)
        apart = np.abs(a[:, None, 0] - b[None, :, 0])
        alike = np.exp(-squares / (2 * self.length_scale**2))
        return np.asarray(alike * (1 - self.forgetting) ** (apart / 2))

    def evidence(self) -> float:
        """The logarithm of the marginal likelihood, up to a constant."""
        lower = self._lower(self.points)
        half = np.linalg.solve(lower, self.gains)
        return float(-0.5 * half @ half - np.log(np.diag(lower)).sum())

    def bound(self, points: Floats, pending: Sequence[Floats]) -> Floats:
        """The upper confidence bound of the gain; pending points are known for it."""
        lower = self._lower(self.points)
        cross = np.linalg.solve(lower, self.kernel(self.points, points))
        mean = cross.T @ np.linalg.solve(lower, self.gains)
        known = np.vstack([self.points, *pending])
        cross = np.linalg.solve(self._lower(known), self.kernel(known, points))
        variance = np.maximum(1 - (cross**2).sum(0), 0.0)
        # As the authors' own code has it (c1 = 0.2, c2 = 0.4).
        width = math.sqrt(0.2 * math.log(max(0.4 * len(known), math.e)))
        return np.asarray(mean + width * np.sqrt(variance))

    def _lower(self, points: Floats) -> Floats:
        covariance = self.kernel(points, points)
        noisy = covariance + (self.noise + 1e-8) * np.eye(len(points))
        return np.asarray(np.linalg.cholesky(noisy))


def _fit(points: Floats, gains: Floats) -> _Process:
    """The process, of some, under which the gains are the likeliest."""
    scaled = (gains - gains.mean()) / (gains.std() or 1.0)
    tried = product(LENGTH_SCALES, FORGETTING, NOISES)
    return max((_Process(points, scaled, *one) for one in tried), key=_Process.evidence)


def to_unit(distribution: Distribution, value: Value) -> float:
    """Where a number lies in its range, from 0 to 1."""
    low, high, number = *_ends(distribution), float(value)  # type: ignore[arg-type]
    if distribution.log:  # type: ignore[union-attr]
        low, high, number = math.log(low), math.log(high), math.log(number)
    return (number - low) / (high - low) if high > low else 0.0


def from_unit(distribution: Distribution, unit: float) -> Value:
    """The number that lies there; of whole numbers the nearest that can be drawn."""
    low, high = _ends(distribution)
    if distribution.log:  # type: ignore[union-attr]
        number = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
    else:
        number = low + unit * (high - low)
    number = min(max(number, low), high)
    if isinstance(distribution, Integer):
        step = distribution.step
        return int(low) + round((number - low) / step) * step
    return number


def _ends(distribution: Distribution) -> tuple[float, float]:
    low, high = distribution.ends()
    return float(low), float(high)  # type: ignore[arg-type]
