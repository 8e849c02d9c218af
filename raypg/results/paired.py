"""What paired differences allow one to say: intervals, p-values, power.

Seeds are few, so that three views stand side by side: Student's t, which assumes normal
differences; the bootstrap, which assumes that the seeds at hand stand for all; and a
permutation test, which assumes nothing but that a difference of no effect has either
sign alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from raypg.results.statistics import CONFIDENCE, Mean, mean_interval, p_value

POWER = 0.8
"""With which a difference is to be found that is there (Cohen 1988)."""

MOST_PAIRS = 10_000
"""Beyond which no number of seeds is named."""

NUM_RESAMPLES = 9_999
MOST_EXACT = 12
"""Pairs up to which all signs are tried: 4,096 ways."""


@dataclass(frozen=True)
class Paired:
    """Differences of pairs. What the pairs cannot tell is None.

    Attributes:
        difference: their mean, with its 95 % t-interval.
        bootstrap_low: the lower end of the 95 % percentile bootstrap interval.
        bootstrap_high: its upper end.
        p_permutation: two-sided, of the signs; exact up to 12 pairs. Of n pairs none is
            below 2 / 2**n.
        p_t: two-sided, of the t-test.
        effect_size: the mean over the standard deviation of the differences (Cohen's d
            of paired samples).
        smallest_detectable: the difference that so many pairs with this spread find
            with 80 % power.
        num_needed: pairs that find a difference as large as this one with 80 % power;
            None too where it takes more than 10,000.
    """

    difference: Mean
    bootstrap_low: float | None = None
    bootstrap_high: float | None = None
    p_permutation: float | None = None
    p_t: float | None = None
    effect_size: float | None = None
    smallest_detectable: float | None = None
    num_needed: int | None = None

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the t-interval leaves out 0."""
        return self.p_t is not None and self.p_t < 1 - CONFIDENCE


def compare_pairs(differences: Sequence[float]) -> Paired:
    """Everything that is known of paired differences.

    Args:
        differences: one a pair, at least one; none of them NaN.
    """
    mean = mean_interval(differences)
    if mean.low is None:
        return Paired(mean)
    import numpy as np

    values = np.asarray(differences, dtype=np.float64)
    spread = float(values.std(ddof=1))
    low, high = _bootstrap(values)
    return Paired(
        difference=mean,
        bootstrap_low=low,
        bootstrap_high=high,
        p_permutation=_permute(values),
        p_t=p_value(differences),
        effect_size=mean.mean / spread,
        smallest_detectable=spread * detectable_effect(len(values)),
        num_needed=pairs_needed(mean.mean / spread),
    )


def power_of(effect: float, num_pairs: int) -> float:
    """The power of the two-sided paired t-test at 5 % (Cohen 1988, chapter 2).

    Args:
        effect: the true mean over the standard deviation of the differences.
        num_pairs: at least 2.
    """
    from scipy.stats import nct, t

    freedom = num_pairs - 1
    edge = t.ppf((1 + CONFIDENCE) / 2, freedom)
    shift = abs(effect) * math.sqrt(num_pairs)
    # The tail at the far side is NaN in scipy where it is below 1e-16.
    far = nct.cdf(-edge, freedom, shift)
    return float(nct.sf(edge, freedom, shift) + (far if far == far else 0.0))


@cache
def detectable_effect(num_pairs: int) -> float:
    """The smallest effect that so many pairs find with 80 % power."""
    from scipy.optimize import brentq

    high = 1.0
    while power_of(high, num_pairs) < POWER:
        high *= 2
    return float(brentq(lambda d: power_of(d, num_pairs) - POWER, 0.0, high))


def pairs_needed(effect: float) -> int | None:
    """How many pairs find an effect with 80 % power; None for more than 10,000."""
    if effect == 0 or power_of(effect, MOST_PAIRS) < POWER:
        return None
    low, high = 1, MOST_PAIRS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if power_of(effect, middle) >= POWER else (middle, high)
        )
    return high


def _bootstrap(values: Any) -> tuple[float, float]:  # noqa: ANN401 numpy's array
    """The percentile interval of the mean, with seeded draws."""
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = rng.integers(len(values), size=(NUM_RESAMPLES, len(values)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values[drawn].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def _permute(values: Any) -> float:  # noqa: ANN401 numpy's array
    """How often flipped signs give a mean as far from 0; the signs at hand count."""
    import numpy as np

    num = len(values)
    if num <= MOST_EXACT:
        ways = np.arange(2**num)[:, None] >> np.arange(num) & 1
    else:
        ways = np.random.default_rng(0).integers(2, size=(NUM_RESAMPLES, num))
    means = np.abs((1 - 2 * ways) @ values) / num
    # Equal means differ in their last bits by the order in which they were added.
    as_far = int((means >= abs(values.mean()) * (1 - 1e-9)).sum())
    drawn = 0 if num <= MOST_EXACT else 1
    return (as_far + drawn) / (len(means) + drawn)
