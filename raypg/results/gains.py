"""How good answers are, and by how much better than others.

Shapes: N images · K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raypg.results.calibration import (
    Labels,
    Probs,
    calibration_error,
    cross_entropy,
)
from raypg.results.examples import mcnemar_p
from raypg.results.statistics import CONFIDENCE

NUM_RESAMPLES = 9_999


@dataclass(frozen=True)
class Score:
    """How good probabilities are."""

    accuracy: float
    loss: float
    """Mean cross-entropy."""
    calibration_error: float


@dataclass(frozen=True)
class Gain:
    """In accuracy, with the 95 % interval of the bootstrap over images."""

    difference: float
    low: float
    high: float
    only_ours: int | None = None
    """Images that the ensemble alone has right; of one trial as the other side."""
    only_other: int | None = None
    p: float | None = None
    """Of McNemar's exact test."""


def score_of(probs_NK: Probs, labels_N: Labels) -> Score:
    """How good probabilities are."""
    return Score(
        accuracy=float((probs_NK.argmax(1) == labels_N).mean()),
        loss=cross_entropy(probs_NK, labels_N),
        calibration_error=calibration_error(probs_NK, labels_N),
    )


def gain_over_one(ours_N: NDArray[np.bool_], other_N: NDArray[np.bool_]) -> Gain:
    """What the one side has right more often than the other, and McNemar's test."""
    only_ours = int((ours_N & ~other_N).sum())
    only_other = int((other_N & ~ours_N).sum())
    gain = gain_of(ours_N.astype(float) - other_N)
    p = mcnemar_p(only_ours, only_other)
    return Gain(gain.difference, gain.low, gain.high, only_ours, only_other, p)


def gain_of(differences_N: NDArray[np.float64]) -> Gain:
    """A mean over images with its percentile bootstrap interval, by seeded draws.

    What is drawn is how often each value comes, of which there are few.
    """
    values, counts = np.unique(differences_N, return_counts=True)
    num = len(differences_N)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(num, counts / num, size=NUM_RESAMPLES) @ values / num
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]).tolist()
    return Gain(float(differences_N.mean()), low, high)
