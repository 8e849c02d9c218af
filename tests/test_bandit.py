"""Population based bandits: the process, its bound, and whether it finds what helps."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from raypg import PB2, PBT, Search, choice, integer, log_uniform, uniform
from raypg.experiment.bandit import Bandit, Gain, _Process, from_unit, to_unit
from raypg.experiment.population import Population
from raypg.space import Choice, Distribution, Uniform, Value

EPOCHS, MEMBERS, BEST_LR = 16, 8, 0.03
AXES = {"lr": log_uniform(1e-4, 1.0), "momentum": uniform(0.0, 0.9)}
SEARCH = Search(axes=AXES, trials=MEMBERS, scheduler=PB2(EPOCHS, 2))


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (uniform(-2, 6), [-2.0, 0.5, 6.0]),
        (log_uniform(1e-4, 1), [1e-4, 0.03, 1.0]),
        (integer(2, 11, step=3), [2, 5, 8, 11]),
        (integer(1, 1000, log=True), [1, 30, 1000]),
        (uniform(3, 3), [3.0]),
    ],
)
def test_a_number_is_found_again_in_the_unit_cube(
    distribution: Distribution, values: list[Value]
) -> None:
    for value in values:
        unit = to_unit(distribution, value)
        assert 0 <= unit <= 1
        found = from_unit(distribution, unit)
        assert found == pytest.approx(value)
        assert type(found) is type(value)
    for unit in (0.0, 0.123, 0.5, 0.999, 1.0):
        assert distribution.contains(from_unit(distribution, unit))


def test_the_process_is_scikit_learns_where_nothing_is_forgotten() -> None:
    rng = np.random.default_rng(0)
    points, new = rng.random((12, 4)), rng.random((5, 4))
    points[:, 0], new[:, 0] = 3.0, 3.0  # one epoch
    gains = rng.standard_normal(12)
    process = _Process(points, gains, 0.4, 0.0, 0.1)
    peer = GaussianProcessRegressor(RBF(0.4), alpha=0.1, optimizer=None)
    peer.fit(points, gains)
    mean_of, spread = peer.predict(new, return_std=True)
    width = math.sqrt(0.2 * math.log(0.4 * 12))
    assert process.bound(new, []) == pytest.approx(mean_of + width * spread)
    constant = 12 / 2 * math.log(2 * math.pi)
    assert process.evidence() - constant == pytest.approx(
        peer.log_marginal_likelihood_value_
    )


def test_an_epoch_long_ago_says_less() -> None:
    old, new = (np.array([[float(epoch), 0.5, 0.5]]) for epoch in (1, 9))
    assert _Process(old, np.ones(1), 0.4, 0.1, 0.1).kernel(old, new) == pytest.approx(
        (1 - 0.1) ** 4
    )


def gains_of(lr: float, epoch: int) -> Gain:
    values = {"lr": lr, "momentum": 0.5}
    return Gain(epoch, 0.5, values, -abs(math.log10(lr / BEST_LR)))


def test_values_are_chosen_where_most_was_gained_and_not_twice() -> None:
    gains = [gains_of(10 ** -(n / 4), 1 + n % 3) for n in range(17)]
    bandit = Bandit(SEARCH, gains, 5)
    found = []
    for seed in range(4):
        chosen = bandit.choose(0.5, {"lr": 1.0, "momentum": 0.5}, random.Random(seed))
        assert chosen is not None
        found.append(chosen)
        lr, momentum = float(chosen["lr"]), float(chosen["momentum"])  # type: ignore[arg-type]
        assert abs(math.log10(lr / BEST_LR)) < 1
        assert 0 <= momentum <= 0.9
    assert len({tuple(one.values()) for one in found}) == 4


@pytest.mark.parametrize(
    "gains", [[], [gains_of(0.1, 2)], [Gain(2, math.nan, {}, 1.0)] * 4]
)
def test_who_knows_too_little_chooses_nothing(gains: list[Gain]) -> None:
    bandit = Bandit(SEARCH, gains, 3)
    assert bandit.choose(0.5, {"lr": 0.1, "momentum": 0.5}, random.Random(0)) is None


def trained(search: Search) -> float:
    """The best score of a population whose rate should fall from epoch to epoch."""
    population = Population(search, MEMBERS)
    keys = [f"m{number}" for number in range(MEMBERS)]
    scores = dict.fromkeys(keys, 0.0)
    for key in keys:
        rng = random.Random(f"{search.seed}{key}")
        drawn = {"lr": 10 ** -rng.uniform(0, 4), "momentum": rng.uniform(0, 0.9)}
        population.enter(key, drawn)
    for epoch in range(1, EPOCHS + 1):
        before = dict(scores)
        for key in keys:
            state = population.state(key)
            if state.donor:
                scores[key] = before[state.donor]
            scores[key] += gain(state.values, epoch)
            population.report(key, epoch, scores[key])
        population.moves()
    return max(scores.values())


def gain(values: Mapping[str, Any], epoch: int) -> float:
    best = 10 ** (-1 - epoch / 8)
    off = math.log10(values["lr"] / best) ** 2 + (values["momentum"] - 0.6) ** 2
    return math.exp(-off)


def test_a_bandit_gains_more_than_chance() -> None:
    searches = [replace(SEARCH, seed=seed) for seed in range(12)]
    learnt = [trained(one) for one in searches]
    by_chance = [trained(replace(one, scheduler=PBT(EPOCHS, 2))) for one in searches]
    assert mean(learnt) > mean(by_chance) + 0.5
    assert sum(a > b for a, b in zip(learnt, by_chance, strict=True)) >= 8


def test_options_are_left_to_chance() -> None:
    axes: dict[str, Uniform | Choice] = {**AXES, "smoothing": choice(0.0, 0.1)}
    bandit = Bandit(replace(SEARCH, axes=axes), [gains_of(0.1, 2), gains_of(0.2, 3)], 4)
    values = {"lr": 0.1, "momentum": 0.5, "smoothing": 0.1}
    chosen = bandit.choose(0.5, values, random.Random(0))
    assert chosen is not None
    assert set(chosen) == {"lr", "momentum"}
