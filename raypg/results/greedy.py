"""Which trials answer together, and with what weight: rules that look at a split.

Shapes: M trials · N images · K classes.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from raypg.results.calibration import FLOOR, Labels, Probs

Weights = NDArray[np.int64]
"""How often each trial is in the ensemble, M of them."""
Pick = Callable[[Probs, Labels, str], Weights]

MOST_ROUNDS = 30
"""Of greedy selection; what the last ones add weighs a thirtieth."""


def pool(probs_MNK: Probs, weights_M: Weights) -> Probs:
    """Averaged probabilities."""
    chosen = np.flatnonzero(weights_M)
    share = (weights_M[chosen] / weights_M.sum()).astype(np.float32)
    pooled_NK: Probs = np.tensordot(share, probs_MNK[chosen], 1)
    return pooled_NK


def pick_all(probs_MNK: Probs, labels_N: Labels, metric: str) -> Weights:
    """Every trial once."""
    return np.ones(len(probs_MNK), np.int64)


def pick_best(probs_MNK: Probs, labels_N: Labels, metric: str) -> Weights:
    """The best trial alone; of equal ones the one with the lower loss."""
    weights_M = np.zeros(len(probs_MNK), np.int64)
    ranks_M2 = rank(probs_MNK, labels_N, metric)
    weights_M[np.lexsort(ranks_M2.T[::-1])[0]] = 1
    return weights_M


def pick_greedily(probs_MNK: Probs, labels_N: Labels, metric: str) -> Weights:
    """Forward selection with replacement (Caruana et al. 2004).

    Each round adds the trial with which the average is best. The ensemble is that of
    the best round, the earliest of equal ones, so that on these images it is never
    worse than the best trial; on others it may be.
    """
    weights_M = pick_best(probs_MNK, labels_N, metric)
    total_NK = pool(probs_MNK, weights_M)
    best_M, best = weights_M.copy(), (float("inf"), float("inf"))
    for num in range(1, MOST_ROUNDS + 1):
        reached = tuple(rank(_mean(total_NK, num), labels_N, metric)[0].tolist())
        if reached < best:
            best_M, best = weights_M.copy(), reached
        # One trial at a time: a sum for each would be as large as all predictions.
        ranks = [
            tuple(rank(_mean(total_NK + one_NK, num + 1), labels_N, metric)[0])
            for one_NK in probs_MNK
        ]
        chosen = min(range(len(ranks)), key=ranks.__getitem__)
        weights_M[chosen] += 1
        total_NK = total_NK + probs_MNK[chosen]
    return best_M


PICKS: Mapping[str, Pick] = {
    "best trial": pick_best,
    "average": pick_all,
    "greedy": pick_greedily,
}


def _mean(total_NK: Probs, num: int) -> Probs:
    """Of `num` trials, as the answers of one."""
    mean_1NK: Probs = total_NK[None] / np.float32(num)
    return mean_1NK


def rank(probs_MNK: Probs, labels_N: Labels, metric: str) -> NDArray[np.float64]:
    """What each trial is ranked by, the lowest first: errors then loss, or loss."""
    right_MN = probs_MNK[:, np.arange(len(labels_N)), labels_N]
    loss_M = -np.log(np.maximum(right_MN, FLOOR), dtype=np.float64).mean(1)
    # Sums in another order differ in the last bits, which are no gain.
    loss_M = loss_M.round(6)
    if metric == "val.loss":
        return np.stack([loss_M, loss_M], 1)
    wrong_M = (probs_MNK.argmax(2) != labels_N).mean(1)
    return np.stack([wrong_M, loss_M], 1)
