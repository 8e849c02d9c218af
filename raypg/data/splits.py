"""Who is in which split: stratified, seeded once for all, deaf to a trial's seed."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

VAL_SEED = 1
"""Draws the validation split out of the published training examples."""
TEST_SEED = 2
"""Draws digits' test split; the other sets come with one."""
FRACTION_SEED = 3
"""Draws `data.fraction` out of the training split."""
FOLD_SEED = 4
"""Draws the folds of `data.num_folds`."""


def stratified_order(labels_N: IntArray, seed: int) -> IntArray:
    """An order of the examples in which every prefix holds each class in proportion.

    The examples of a class are shuffled and then spread evenly over the order, so
    the prefixes are nested. In balanced classes a prefix is off by one a class at most.

    Args:
        labels_N: class indices.
        seed: of the shuffles. `RandomState` is frozen by numpy's promise, so the
            order is the same under every version.
    """
    rng = np.random.RandomState(seed)
    place_N = np.empty(len(labels_N), dtype=np.float64)
    for label in np.unique(labels_N):
        members = np.flatnonzero(labels_N == label)
        place_N[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(
            members
        )
    return np.lexsort((labels_N, place_N)).astype(np.int64)


def split_off(labels_N: IntArray, num: int, seed: int) -> tuple[IntArray, IntArray]:
    """`num` stratified examples and the rest, both as rising indices."""
    order = stratified_order(labels_N, seed)
    return np.sort(order[:num]), np.sort(order[num:])


def fold_bounds(num: int, num_folds: int, fold: int) -> tuple[int, int]:
    """Where in an order of `num` examples a fold begins, and where the next one does.

    Sizes differ by one at most.
    """
    return num * fold // num_folds, num * (fold + 1) // num_folds


def split_fold(
    labels_N: IntArray, num_folds: int, fold: int
) -> tuple[IntArray, IntArray]:
    """The stratified examples of one fold, and all others, both as rising indices."""
    order = stratified_order(labels_N, FOLD_SEED)
    start, stop = fold_bounds(len(labels_N), num_folds, fold)
    return np.sort(order[start:stop]), np.sort(np.r_[order[:start], order[stop:]])
