import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raypg.data.splits import split_off, stratified_order

class_counts = st.lists(st.integers(1, 40), min_size=1, max_size=12)
seeds = st.integers(0, 2**32 - 1)


def shuffled_labels(counts: list[int]) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.RandomState(0).permutation(labels)


@given(class_counts, seeds)
@settings(deadline=None)
def test_order_holds_each_example_once(counts: list[int], seed: int) -> None:
    order = stratified_order(shuffled_labels(counts), seed)
    assert sorted(order) == list(range(sum(counts)))


@given(st.integers(1, 12), st.integers(1, 40), st.data())
@settings(deadline=None)
def test_every_prefix_of_balanced_classes_is_off_by_one_at_most(
    num_classes: int, num_each: int, data: st.DataObject
) -> None:
    labels = shuffled_labels([num_each] * num_classes)
    num = data.draw(st.integers(0, len(labels)))
    prefix = labels[stratified_order(labels, data.draw(seeds))[:num]]
    found = np.bincount(prefix, minlength=num_classes)
    assert np.all(np.abs(found - num / num_classes) <= 1)


@given(class_counts, st.data())
@settings(deadline=None)
def test_prefixes_hold_unequal_classes_in_proportion(
    counts: list[int], data: st.DataObject
) -> None:
    labels = shuffled_labels(counts)
    num = data.draw(st.integers(0, len(labels)))
    prefix = labels[stratified_order(labels, data.draw(seeds))[:num]]
    found = np.bincount(prefix, minlength=len(counts))
    expected = np.array(counts) * num / sum(counts)
    assert np.all(np.abs(found - expected) <= 1 + len(counts) / 2)


def test_split_is_the_same_under_every_version_of_numpy() -> None:
    first, rest = split_off(np.arange(30) % 3, 6, seed=1)
    assert first.tolist() == [6, 11, 16, 26, 27, 28]
    assert sorted([*first, *rest]) == list(range(30))
