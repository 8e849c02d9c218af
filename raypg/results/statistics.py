"""Intervals over seeds. Student's t: seeds are few and their spread is not known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
RESOLUTION = 1e-6
"""Values that differ by less are the same: the tables have single precision."""


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval, None where the values show no noise.

    One value shows none, nor do values that are all the same.
    """

    num_values: int
    mean: float
    low: float | None
    high: float | None


def mean_interval(values: Sequence[float]) -> Mean:
    """The mean of independent values and its 95 % t-interval.

    Args:
        values: at least one, none of them NaN.
    """
    mean, _ = _mean_and_error(values)
    reach = interval_reach(values)
    if reach is None:
        return Mean(len(values), mean, None, None)
    return Mean(len(values), mean, mean - reach, mean + reach)


def interval_reach(values: Sequence[float]) -> float | None:
    """Half the width of the 95 % t-interval; None where the values show no noise."""
    _, error = _mean_and_error(values)
    if error == 0:
        return None
    from scipy.special import stdtrit  # a tenth of the time that scipy.stats takes

    return float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * error


def p_value(values: Sequence[float]) -> float | None:
    """Two-sided p of the t-test that the mean is 0; None without noise to measure."""
    mean, error = _mean_and_error(values)
    if error == 0:
        return None
    from scipy.special import stdtr

    return float(2 * stdtr(len(values) - 1, -abs(mean) / error))


def correct_holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p-values corrected for their number (Holm 1979); None stays None.

    What was not tested counts all the same: it was looked at.
    """
    order = sorted(
        (i for i, p in enumerate(p_values) if p is not None),
        key=lambda i: p_values[i] or 0.0,
    )
    corrected: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, (len(p_values) - rank) * (p_values[index] or 0.0))
        corrected[index] = min(1.0, highest)
    return corrected


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error, 0 where the values show no spread."""
    mean = math.fsum(values) / len(values)
    spread = max(values) - min(values)
    if spread <= RESOLUTION * max(1.0, abs(mean)):
        return mean, 0.0
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))
