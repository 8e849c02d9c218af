"""Population based training: who copies whom follows from the seed and the results."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import PopulationBasedTraining

from raypg import PB2, PBT, Search, choice, integer, log_uniform, uniform
from raypg.errors import SpaceError
from raypg.experiment import Move, Seen, SpaceFile, build_proposals
from raypg.experiment.population import Population, explore

EPOCHS, EVERY, MEMBERS = 8, 2, 8
SEARCH = Search(
    axes={"optimizer.lr": log_uniform(1e-4, 1.0), "optimizer.momentum": uniform(0, 1)},
    trials=MEMBERS,
    scheduler=PBT(EPOCHS, EVERY),
)
BANDIT = replace(SEARCH, scheduler=PB2(EPOCHS, EVERY))
both = pytest.mark.parametrize("search", [SEARCH, BANDIT], ids=["PBT", "PB2"])
KEYS = [f"m{number}" for number in range(MEMBERS)]


def begin(key: str) -> Mapping[str, Any]:
    rng = random.Random(key)
    return {"optimizer.lr": 10 ** -rng.uniform(0, 4), "optimizer.momentum": 0.5}


def score(key: str, epoch: int, values: Mapping[str, Any]) -> float:
    return random.Random(f"{key}{epoch}{values}").random()


class Played:
    """A population trained in this process; a member is at one epoch at a time."""

    def __init__(self, search: Search = SEARCH) -> None:
        self.population = Population(search, MEMBERS)
        self.rows: dict[str, list[Seen]] = {key: [] for key in KEYS}
        self.moves: list[Move] = []
        self.copied: dict[tuple[str, int], str] = {}

    def train(self, key: str, until: int) -> None:
        """To the next round, or to an epoch before it."""
        for epoch in range(len(self.rows[key]) + 1, until + 1):
            values = dict(self.population.state(key).values)
            if donor := self.population.state(key).donor:
                self.copied[key, epoch] = donor
            value = score(key, epoch, values)
            self.rows[key].append(Seen(epoch, value, values))
            if self.population.report(key, epoch, value):
                return

    def round(self, rng: random.Random | None = None) -> None:
        """Train all to the end of a round, in an order of its own."""
        for key in rng.sample(KEYS, len(KEYS)) if rng else KEYS:
            self.train(key, EPOCHS)
        self.moves += self.population.moves()

    def enter(self) -> "Played":
        for key in KEYS:
            self.population.enter(key, begin(key))
        return self


def play(search: Search = SEARCH) -> Played:
    played = Played(search).enter()
    for _ in range(EPOCHS // EVERY):
        played.round()
    return played


def test_the_worst_quarter_copies_the_best_and_is_first_to_move() -> None:
    played = Played().enter()
    played.round()
    moves = played.moves
    scores = {key: rows[-1].value for key, rows in played.rows.items()}
    ranked = sorted(KEYS, key=lambda key: scores[key])
    assert [move.key for move in moves[:2]] == ranked[:2]
    assert {move.donor for move in moves[:2]} <= set(ranked[-2:])
    assert {move.key for move in moves[2:]} == set(ranked[2:])
    assert not any(move.donor or move.values for move in moves[2:])
    assert {move.epoch for move in moves} == {EVERY}


@dataclass(eq=False)
class RayTrial:
    """As much of one as quantiles look at."""

    key: str

    def is_finished(self) -> bool:
        return False


def test_quantiles_are_those_of_rays_population_based_training() -> None:
    played = Played().enter()
    played.round()
    ray = PopulationBasedTraining(metric="m", mode="max", custom_explore_fn=dict)
    for key, rows in played.rows.items():
        trial = RayTrial(key)
        ray._trial_state[trial] = SimpleNamespace(last_score=rows[-1].value)
    lower, upper = ray._quantiles()
    copying = [move for move in played.moves if move.donor]
    assert {move.key for move in copying} == {trial.key for trial in lower}
    assert {move.donor for move in copying} <= {trial.key for trial in upper}


@both
def test_who_comes_first_changes_nothing(search: Search) -> None:
    calm, hasty = play(search), Played(search).enter()
    for number in range(EPOCHS // EVERY):
        hasty.round(random.Random(number))
    assert hasty.rows == calm.rows


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("has_decided", [False, True])
@both
def test_a_resumed_population_goes_on_as_one_that_saw_it_all(
    search: Search, stop: int, has_decided: bool
) -> None:
    calm, cut = play(search), Played().enter()
    # Some were ahead when the sweep ended, by up to a round, never by more.
    ahead = stop + 1 if has_decided or stop % EVERY else stop
    for key in KEYS[:4]:
        cut.rows[key] = calm.rows[key][:ahead]
    for key in KEYS[4:]:
        cut.rows[key] = calm.rows[key][:stop]
    resumed = Played(search)
    for key in KEYS:
        seen = cut.rows[key]
        resumed.population.replay(key, begin(key), seen, len(seen))
        resumed.rows[key] = list(seen)
    resumed.enter()
    resumed.moves += resumed.population.moves()
    while any(len(rows) < EPOCHS for rows in resumed.rows.values()):
        resumed.round()
    assert resumed.rows == calm.rows
    late = {k: v for k, v in calm.copied.items() if k[1] > ahead + 1}
    assert late.items() <= resumed.copied.items()


def test_a_member_that_fails_is_not_waited_for() -> None:
    played = Played().enter()
    played.population.leave("m3")
    for key in KEYS:
        if key != "m3":
            played.train(key, EPOCHS)
    moves = played.population.moves()
    assert {move.key for move in moves} == {*KEYS} - {"m3"}
    assert "m3" not in {move.donor for move in moves}


def test_a_round_is_over_when_all_have_come_and_only_then() -> None:
    played = Played()
    for key in KEYS[:-1]:
        played.population.enter(key, begin(key))
        played.train(key, EVERY)
    assert played.population.moves() == []
    played.population.close()
    assert len(played.population.moves()) == MEMBERS - 1


def test_changed_values_stay_in_their_ranges() -> None:
    search = Search(
        axes={
            "a": log_uniform(0.1, 1.0),
            "b": integer(2, 11, step=3),
            "c": choice(False, True),
        },
        trials=2,
        scheduler=PBT(9, resample_probability=0.0),
    )
    values: Mapping[str, Any] = {"a": 0.9, "b": 5, "c": True}
    found = [explore(search, values, random.Random(seed)) for seed in range(40)]
    assert {round(float(one["a"]), 2) for one in found} == {0.72, 1.0}  # type: ignore[arg-type]
    assert {one["b"] for one in found} == {2, 8}
    assert {one["c"] for one in found} == {True}


def test_a_bandit_leaves_options_to_chance_and_asks_for_a_number() -> None:
    options = {"c": choice(False, True)}
    with pytest.raises(SpaceError, match="axes: must have an axis of numbers under"):
        Search(axes=options, trials=4, scheduler=PB2(9))
    Search(axes={**options, "a": uniform(0, 1)}, trials=4, scheduler=PB2(9))


@pytest.mark.parametrize("axis", ["model.depth", "data.fraction", "train.batch_size"])
def test_what_is_fixed_from_the_start_is_no_axis_of_a_population(axis: str) -> None:
    options = {"model.depth": choice(22, 40), "data.fraction": uniform(0.5, 1)}
    axes: Any = {axis: options.get(axis, choice(32, 64))}
    search = Search(axes=axes, trials=4, scheduler=PBT(9))
    file = SpaceFile("a test", "test", "", "", search)
    match = f"{axis}.*: must be a leaf that can change in the middle of a training"
    with pytest.raises(SpaceError, match=match):
        build_proposals(file, [], device="cpu", num_workers=1)
