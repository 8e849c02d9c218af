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
