import pytest

from raypg.config import Config, Layer, load
from raypg.experiment import AblationProposals, Race
from raypg.plan.expect import epochs_of
from raypg.space import ASHA
from tests.plan.spaces import (
    GRID,
    RANDOM,
    TPE,
    expect,
    keys_of,
    memo_of,
    proposals_of,
)


def config(**train: object) -> Config:
    return load([Layer("test", {f"train.{key}": v for key, v in train.items()})])


def test_what_the_store_holds_of_an_ablation_is_not_trained() -> None:
    found = expect(GRID, memo_of(keys_of(GRID, 3)))
    assert (found.num_trials, found.num_cached, found.is_exact) == (4, 3, True)
    (left,) = found.todo
    assert (left.model.hidden, left.seed) == (16, 1)  # type: ignore[union-attr]


def test_a_race_is_between_its_first_seeds_and_all_of_them() -> None:
    found = expect(GRID, race=Race(0.01, 5))
    assert (found.num_trials, found.num_perhaps, found.num_cached) == (10, 4, 0)
    assert (found.is_exact, found.is_even) == (True, True)
    assert [one.seed for one in found.todo] == [0, 0, 1, 1, 2, 2]
    assert [one.seed for one in found.perhaps] == [3, 3, 4, 4]


def test_what_the_store_holds_of_a_race_may_decide_it() -> None:
    race = Race(0.01, 5)
    proposals = proposals_of(GRID, race)
    assert isinstance(proposals, AblationProposals)
    keys = [trial.key for trial in proposals.trials]
    # Of one arm the first three, and one that comes later if it comes at all.
    found = expect(GRID, memo_of([*keys[0:6:2], keys[9]]), race)
    assert (found.num_trials, found.num_perhaps, found.num_cached) == (10, 4, 3)
    assert (found.is_exact, found.is_even) == (False, False)
    assert (len(found.todo), len(found.perhaps)) == (3, 3)
    # Two arms that are the same in every seed need no fourth.
    found = expect(GRID, memo_of(keys), race)
    assert (found.num_trials, found.num_perhaps, found.num_cached) == (6, 0, 6)
    assert (found.is_exact, found.todo, found.perhaps) == (True, [], [])


def test_a_random_search_is_known_before_it_starts() -> None:
    found = expect(RANDOM, memo_of(keys_of(RANDOM, 6)[2:4]))
    assert (found.num_trials, found.num_cached, found.is_exact) == (6, 2, True)
    assert len(found.todo) == 4


def test_a_search_that_learns_counts_the_draws_before_the_first_new_one() -> None:
    drawn = keys_of(TPE, 1)
    found = expect(TPE, memo_of([*drawn, "another"]))
    assert (found.num_trials, found.num_cached, found.is_exact) == (6, 1, False)
    assert len(found.todo) == 5


def test_a_search_in_an_empty_store_has_no_hits() -> None:
    found = expect(TPE)
    assert (found.num_cached, found.is_exact, len(found.todo)) == (0, True, 6)
    assert {corner.model.hidden for corner in found.corners} == {8, 64}  # type: ignore[union-attr]


def test_epochs_are_known_where_nothing_stops_a_trial() -> None:
    assert epochs_of(config(epochs=30), None, 8) == (30, 30)


def test_early_stopping_may_end_a_trial_after_its_patience() -> None:
    assert epochs_of(config(epochs=30, early_stopping=4), None, 8) == (5, 30)
    assert epochs_of(config(epochs=3, early_stopping=4), None, 8) == (3, 3)


@pytest.mark.parametrize("rungs", [1, 2, 3])
def test_asha_at_its_best_trains_its_share(rungs: int) -> None:
    most = 3**rungs
    share = (1 + rungs * (1 - 1 / 3)) / most
    low, high = epochs_of(config(epochs=most), ASHA(most), 10**6)
    assert low == pytest.approx(share * most)
    assert high == most


def test_asha_lets_one_trial_of_few_come_to_its_end() -> None:
    low, _ = epochs_of(config(epochs=9), ASHA(9), 2)
    assert low * 2 >= 9
