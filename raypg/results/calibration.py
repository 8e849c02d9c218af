"""How far probabilities can be taken at their word, and one number that mends them.

Shapes: N examples · K classes. Probabilities come from the tables, in half precision.
"""

import numpy as np
from numpy.typing import NDArray

Probs = NDArray[np.float32]
Labels = NDArray[np.int64]

NUM_BINS = 15
"""Of confidence, as Guo et al. 2017 have it."""
FLOOR = 2.0**-25
"""Stands for a probability that was stored as 0: half of what half precision has."""
_COLDEST, _HOTTEST = 0.05, 20.0


def calibration_error(
    probs_NK: Probs, labels_N: Labels, num_bins: int = NUM_BINS
) -> float:
    """Expected calibration error (Guo et al. 2017, section 2); 0 is calibrated.

    Of few examples it is too high: a bin of three images is right by 1/3 at a time.

    Args:
        probs_NK: softmax outputs in [0, 1].
        labels_N: class indices.
        num_bins: equal-width confidence bins, each open at its lower end.
    """
    sure_N = probs_NK.max(1).astype(np.float64)
    right_N = probs_NK.argmax(1) == labels_N
    bin_N = np.clip(np.ceil(sure_N * num_bins) - 1, 0, num_bins - 1).astype(int)
    gap_N = right_N - sure_N
    return float(np.abs(np.bincount(bin_N, gap_N, num_bins)).sum() / len(labels_N))


def cross_entropy(probs_NK: Probs, labels_N: Labels) -> float:
    """Mean negative log-probability of the right class, in nats."""
    right_N = probs_NK[np.arange(len(labels_N)), labels_N]
    return float(-np.log(np.maximum(right_N, FLOOR), dtype=np.float64).mean())


def at_temperature(probs_NK: Probs, temperature: float) -> Probs:
    """Probabilities as their logits divided by a temperature give them."""
    logits_NK = np.log(np.maximum(probs_NK, FLOOR)) / np.float32(temperature)
    powers_NK = np.exp(logits_NK - logits_NK.max(1, keepdims=True))
    cooled_NK: Probs = powers_NK / powers_NK.sum(1, keepdims=True)
    return cooled_NK


def fit_temperature(probs_NK: Probs, labels_N: Labels) -> float:
    """The temperature of least cross-entropy (Guo et al. 2017, section 4.2).

    Between 0.05 and 20: where every example is right, ever colder would be better.
    """
    from scipy.optimize import minimize_scalar  # not what most commands wait for

    def loss(log_temperature: float) -> float:
        cooled_NK = at_temperature(probs_NK, float(np.exp(log_temperature)))
        return cross_entropy(cooled_NK, labels_N)

    ends = (float(np.log(_COLDEST)), float(np.log(_HOTTEST)))
    return float(np.exp(minimize_scalar(loss, bounds=ends, method="bounded").x))
