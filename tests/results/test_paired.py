"""What paired differences allow one to say, against scipy and published tables."""

import numpy as np
import pytest
from scipy import stats

from raypg.results.paired import (
    MOST_EXACT,
    compare_pairs,
    detectable_effect,
    pairs_needed,
    power_of,
)

FEW = [0.021, 0.013, 0.034, -0.004, 0.019]


def test_the_interval_and_p_are_those_of_scipys_t_test() -> None:
    found = compare_pairs(FEW)
    test = stats.ttest_1samp(FEW, 0.0)
    low, high = test.confidence_interval(0.95)
    assert found.difference.low == pytest.approx(low)
    assert found.difference.high == pytest.approx(high)
    assert found.p_t == pytest.approx(test.pvalue)


@pytest.mark.parametrize("num", [2, 3, 5, MOST_EXACT])
def test_few_pairs_have_the_exact_p_of_scipys_permutation_test(num: int) -> None:
    values = np.random.default_rng(num).normal(0.5, 1.0, num)
    exact = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert compare_pairs(list(values)).p_permutation == pytest.approx(exact.pvalue)


def test_many_pairs_have_a_drawn_p_near_that_of_the_t_test() -> None:
    values = np.random.default_rng(1).normal(0.3, 1.0, 40)
    found = compare_pairs(list(values))
    assert found.p_permutation == pytest.approx(found.p_t, abs=0.02)
    assert found == compare_pairs(list(values)), "the draws are seeded"


def test_three_pairs_of_one_sign_have_the_least_p_that_three_can_have() -> None:
    assert compare_pairs([0.1, 0.2, 0.3]).p_permutation == 0.25


def test_the_bootstrap_is_scipys_percentile_interval() -> None:
    values = np.random.default_rng(2).normal(1.0, 0.5, 12)
    found = compare_pairs(list(values))
    test = stats.bootstrap((values,), np.mean, method="percentile", rng=3)
    low, high = test.confidence_interval
    assert found.bootstrap_low == pytest.approx(low, abs=0.02)
    assert found.bootstrap_high == pytest.approx(high, abs=0.02)


@pytest.mark.parametrize(("effect", "num"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_the_pairs_that_are_needed_are_those_of_the_textbook(
    effect: float, num: int
) -> None:
    # G*Power 3.1: t-test of two dependent means, two tails, alpha 0.05, power 0.8.
    assert pairs_needed(effect) == num
    assert pairs_needed(-effect) == num


def test_power_rises_with_the_pairs_to_one_and_is_alpha_without_an_effect() -> None:
    powers = [power_of(0.5, num) for num in (3, 10, 34, 200)]
    assert powers == sorted(powers)
    assert powers[2] == pytest.approx(0.8078, abs=1e-3)
    assert powers[3] == pytest.approx(1.0, abs=1e-6)
    assert power_of(0.0, 10) == pytest.approx(0.05)


@pytest.mark.parametrize("num", [2, 3, 5, 30])
def test_the_smallest_detectable_effect_has_just_the_power(num: int) -> None:
    assert power_of(detectable_effect(num), num) == pytest.approx(0.8, abs=1e-6)


def test_an_effect_too_small_to_show_has_no_number_of_pairs() -> None:
    assert pairs_needed(0.0) is None
    assert pairs_needed(0.001) is None


def test_the_effect_is_the_mean_over_the_spread() -> None:
    found = compare_pairs(FEW)
    assert found.effect_size == pytest.approx(np.mean(FEW) / np.std(FEW, ddof=1))


@pytest.mark.parametrize("values", [[0.1], [0.1, 0.1], [0.0, 0.0, 0.0]])
def test_pairs_without_spread_say_nothing_about_noise(values: list[float]) -> None:
    found = compare_pairs(values)
    assert found.difference.mean == pytest.approx(values[0])
    assert found.difference.low is found.p_t is found.p_permutation is None
    assert found.num_needed is found.smallest_detectable is None
    assert not found.is_beyond_noise
