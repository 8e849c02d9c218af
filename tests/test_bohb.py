"""BOHB: a model of the largest budget that says enough, and a third at random."""

import math
from statistics import median

import pytest

from raypg import ASHA, Hyperband, Search, log_uniform, uniform
from raypg.errors import SpaceError
from raypg.experiment import Past, Trial
from raypg.experiment.budgets import RANDOM_SHARE, BudgetDraws
from raypg.experiment.draws import Known, RandomDraws
from tests.test_proposals import AXES, everything, search

RULE = Hyperband(max_epochs=27)
SPACE = Search(
    axes={"optimizer.lr": log_uniform(1e-3, 1.0), "model.dropout": uniform(0, 0.9)},
    trials=60,
    sampler="bohb",
    scheduler=RULE,
)


def distance(values: object) -> float:
    """How many powers of ten the rate is from the best one."""
    assert isinstance(values, dict)
    return abs(math.log10(values["optimizer.lr"] / 0.03))


def fill(draws: BudgetDraws, epoch: int, start: int, num: int, sign: float) -> None:
    """Let some trials at random be seen at a budget."""
    for index in range(start, start + num):
        values = RandomDraws(SPACE).draw(index, 0)
        draws.enqueue(index, values)
        draws.observe(index, epoch, sign * distance(values))


def test_the_model_is_of_the_largest_budget_with_three_more_than_axes() -> None:
    draws = BudgetDraws(SPACE)
    found: list[int] = []
    for epoch, num in [(1, 4), (1, 1), (3, 4), (2, 9), (3, 1), (27, 4), (27, 1)]:
        fill(draws, epoch, 100 * len(found), num, -1)
        found.append(draws.budget)
    assert found == [0, 1, 1, 1, 3, 3, 27]


def test_a_larger_budget_is_believed_over_a_smaller_one_that_misleads() -> None:
    draws = BudgetDraws(SPACE)
    fill(draws, 1, 0, 40, +1)  # says: as far from the best as can be
    misled = [distance(draws.draw(i, 0)) for i in range(200, 260)]
    fill(draws, 9, 100, 40, -1)
    found = [distance(draws.draw(i, 0)) for i in range(200, 260)]
    at_random = [distance(RandomDraws(SPACE).draw(i, 0)) for i in range(200, 260)]
    assert median(found) < 0.6 * median(at_random)
    assert median(misled) > 1.2 * median(at_random)


def test_a_third_is_drawn_at_random_whatever_is_known() -> None:
    draws, chance = BudgetDraws(SPACE), RandomDraws(SPACE)
    fill(draws, 27, 0, 20, -1)
    nums = range(100, 400)
    share = sum(draws.draw(i, 0) == chance.draw(i, 0) for i in nums) / len(nums)
    assert share == pytest.approx(RANDOM_SHARE, abs=0.07)


def test_what_random_draws_are_does_not_follow_from_that_they_are_random() -> None:
    draws, chance = BudgetDraws(SPACE), RandomDraws(SPACE)
    fill(draws, 27, 0, 20, -1)
    drawn = [draws.draw(i, 0) for i in range(100, 400)]
    known = [chance.draw(i, 0) for i in range(100, 400)]
    rates = [
        one["optimizer.lr"] for one, own in zip(drawn, known, strict=True) if one == own
    ]
    logs = [math.log10(float(one)) for one in rates]  # type: ignore[arg-type]
    assert sum(logs) / len(logs) == pytest.approx(-1.5, abs=0.3)


def test_a_trial_that_waits_or_was_stopped_counts_at_its_budgets() -> None:
    draws = BudgetDraws(SPACE)
    for index in range(5):
        draws.draw(index, 0)
        draws.observe(index, 1, 0.5)
    assert draws.budget == 1
    for index in range(5):
        draws.tell(index, "stopped", (0.5,), {1: 0.5})
    assert draws.budget == 1


def test_one_that_completed_or_is_known_counts_at_the_last_budget() -> None:
    draws = BudgetDraws(SPACE)
    for index in range(3):
        draws.draw(index, 0)
        draws.tell(index, ["completed", "cached", "completed"][index], (0.5,), {})
    for index in range(3, 6):
        draws.draw(index, 0)
        draws.tell(index, "failed", (None,), {})
    draws.learn(Known(RandomDraws(SPACE).draw(7, 0), 0.5))
    assert draws.budget == 0
    draws.learn(Known(RandomDraws(SPACE).draw(8, 0), 0.5))
    assert draws.budget == 27


def test_a_resumed_search_draws_what_it_would_have_drawn() -> None:
    options = {"axes": AXES, "trials": 30, "sampler": "bohb", "scheduler": RULE}
    whole = search(**options)
    past = []
    for number, trial in enumerate(everything(whole)):
        value = -abs(math.log10(_rate(trial) / 0.03))
        whole.observe(trial.key, 1, value)
        status = "interrupted" if number % 4 == 1 else "stopped"
        if status == "stopped":
            whole.finish(trial.key, status, value)
        past.append(Past(trial.key, trial.values, status, value, {1: value}))
    assert len(past) == 30
    resumed = search(**options)
    resumed.replay(past[:16])
    drawn = [trial.key for trial in everything(resumed)]
    waiting = [one.key for one in past[:16] if one.status == "interrupted"]
    assert drawn[: len(waiting)] == waiting
    # Of the next draw all is known that was known before.
    assert drawn[len(waiting)] == past[16].key


def test_bohb_wants_hyperband() -> None:
    match = "sampler: must stand beside Hyperband; found bohb beside ASHA"
    with pytest.raises(SpaceError, match=match):
        Search(axes=SPACE.axes, trials=9, sampler="bohb", scheduler=ASHA(27))


def _rate(trial: Trial) -> float:
    return trial.config.optimizer.lr
