"""Arms race: seeds go where nothing is decided, and the end says why."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from raypg.config import flatten
from raypg.errors import ConfigError
from raypg.experiment import (
    Past,
    Race,
    RacingProposals,
    Trial,
    build_proposals,
    parse_space,
)
from raypg.memo import fingerprint_columns
from raypg.results import open_results
from tests.command import Command
from tests.conftest import RunSpace, resume
from tests.results.sweeps import Row, new_store, trial_row, write

SPACE = """from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8},
    axes={"model.hidden": [8, 16, 32]},
    seeds=2,
)
"""
Results = Callable[[int, int], float | None]


def noisy(hidden: int, seed: int) -> float:
    """8 and 16 are apart by far, 8 and 32 by nothing but noise."""
    noise = 0.03 * math.sin(seed + hidden)
    return {8: 0.8, 16: 0.9, 32: 0.8}[hidden] + (1 if hidden == 32 else 0.001) * noise


def new(until: float = 0.01, most: int = 8, text: str = SPACE) -> RacingProposals:
    found = build_proposals(
        parse_space(text, "space.py", []),
        [],
        device="cpu",
        num_workers=1,
        race=Race(until, most),
    )
    assert isinstance(found, RacingProposals)
    return found


def run(
    race: RacingProposals, results: Results = noisy, slots: int = 2, most: int = 999
) -> list[tuple[int, int]]:
    """What is trained, so many at a time, in the order of the ends."""
    live: list[Trial] = []
    done: list[tuple[int, int]] = []
    while len(done) < most:
        while len(live) < slots and (trial := race.propose()) is not None:
            live.append(trial)
        if not live:
            assert not race.is_waiting
            break
        trial = live.pop(0)
        hidden = trial.config.model.hidden  # type: ignore[union-attr]
        value = results(hidden, trial.config.seed)
        race.finish(trial.key, "completed" if value is not None else "failed", value)
        done.append((hidden, trial.config.seed))
    return done


def seeds_of(done: list[tuple[int, int]]) -> dict[int, list[int]]:
    return {h: sorted(seed for one, seed in done if one == h) for h in (8, 16, 32)}


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_only_what_is_undecided_gets_further_seeds(slots: int) -> None:
    race = new()
    found = seeds_of(run(race, slots=slots))
    assert found == {8: [*range(8)], 16: [0, 1, 2], 32: [*range(8)]}
    lines = race.report()
    assert lines[0].startswith(
        "model.hidden=16: 3 seeds; differs from model.hidden=8 beyond noise (p = "
    )
    assert "after correction for 6 looks at 2 arms" in lines[0]
    assert lines[1].startswith("model.hidden=32: 8 seeds; the most seeds; its interval")
    assert lines[2] == "19 trials of 24: 5 saved."


def test_an_arm_whose_interval_is_narrow_stops() -> None:
    race = new(until=0.2)
    done = run(race)
    assert max(seed for _, seed in done) == 2
    assert "its interval is ±" in race.report()[1]
    assert "within 20.00 points" in race.report()[1]


def test_a_difference_that_is_the_same_in_every_seed_needs_no_more() -> None:
    race = new(most=4)
    assert len(run(race, lambda hidden, seed: 0.9)) == 9
    assert "its difference is the same in every seed" in race.report()[0]


@pytest.mark.parametrize(
    ("broken", "said"),
    [(16, "none of its first seeds gave a number"), (8, "has no number to hold it")],
)
def test_what_gives_no_number_is_not_gone_on_with(broken: int, said: str) -> None:
    def results(hidden: int, seed: int) -> float | None:
        return None if hidden == broken else noisy(hidden, seed)

    race = new()
    done = run(race, results)
    assert seeds_of(done)[broken] == [0, 1, 2]
    assert said in race.report()[0]


def test_the_number_of_trials_is_known_at_the_end() -> None:
    race = new()
    assert race.num_trials == 24
    assert len(run(race)) == race.num_trials == 19


def test_failed_trials_leave_their_seeds_out() -> None:
    def results(hidden: int, seed: int) -> float | None:
        return None if (hidden, seed) == (16, 0) else noisy(hidden, seed)

    race = new()
    assert len(seeds_of(run(race, results))[16]) >= 3
    assert "beyond noise" in race.report()[0]


def test_nothing_is_proposed_while_all_is_awaited_and_more_comes() -> None:
    race = new()
    trials = [race.propose() for _ in range(9)]
    assert all(trials)
    assert race.propose() is None
    assert race.is_waiting


@pytest.mark.parametrize("most", [0, 4, 9, 11, 17])
def test_a_race_that_is_interrupted_ends_as_the_calm_one(most: int) -> None:
    calm = new()
    whole = run(calm)
    first = new()
    done = run(first, most=most)
    keys = {
        (trial.config.model.hidden, trial.config.seed): trial  # type: ignore[union-attr]
        for trial in first.trials
    }
    past = [
        Past(keys[one].key, keys[one].values, "completed", noisy(*one)) for one in done
    ]
    second = new()
    second.replay(past)
    assert sorted(done + run(second)) == sorted(whole)
    assert second.report() == calm.report()


def test_a_trial_that_was_under_way_is_proposed_again() -> None:
    race = new()
    keys = [trial.key for trial in race.trials[:2]]
    values = race.trials[0].values
    race.replay([Past(keys[0], values, "completed", 0.8), Past(keys[1], values, "x")])
    first = race.propose()
    assert first is not None
    assert first.key == keys[1]


def test_more_epochs_are_for_every_trial_that_the_race_had() -> None:
    first = new()
    had = run(first)
    assert len(had) == 19
    keys = {
        (trial.config.model.hidden, trial.config.seed): trial  # type: ignore[union-attr]
        for trial in first.trials
    }
    grown = new()
    # Each goes on as another trial; one that has done so is among them.
    past = [Past(keys[one].key, keys[one].values, "interrupted") for one in had[1:]]
    past.append(Past(keys[had[0]].key, keys[had[0]].values, "completed", 0.8))
    grown.replay(past)
    assert len(grown.possible) == grown.num_trials == 24

    def closer(hidden: int, seed: int) -> float | None:
        """16 is no longer apart from 8."""
        return noisy(32 if hidden == 16 else hidden, seed + hidden)

    done = run(grown, closer)
    assert sorted(done[:18]) == sorted(had[1:])
    # Then it goes on with what is undecided now.
    assert sorted(done[18:]) == [(16, seed) for seed in range(3, 8)]
    assert len(grown.possible) == grown.num_trials == 24


def test_the_trials_that_may_yet_come_are_fewer_the_more_is_decided() -> None:
    race = new()
    assert race.possible == list(race.trials)
    run(race, most=10)  # 16 is decided with its first three
    keys = {trial.key for trial in race.possible}
    assert len(keys) == race.num_trials == 19
    assert keys < {trial.key for trial in race.trials}


def hold(folder: Path, trials: Iterable[Trial], results: Results) -> None:
    """A store in which these trials are completed."""
    rows = []
    for trial in trials:
        hidden = trial.config.model.hidden  # type: ignore[union-attr]
        leaves = flatten(trial.config).items()
        row: Row = {f"config.{name}": value for name, value in leaves}
        row |= {"val.accuracy": results(hidden, trial.config.seed), "num_epochs": 1}
        rows.append(trial_row(trial.key) | row | fingerprint_columns(trial.fingerprint))
    write(new_store(folder, "old"), "old", trials=rows)


def test_a_race_that_the_store_decides_starts_no_cluster(
    tune: Command, tmp_path: Path
) -> None:
    Path("space.py").write_text(SPACE)
    trained = {one for one in run(new())}
    race = ("space.py", "--until-interval", "0.01", "--max-seeds", "8")
    calm = new()
    run(calm)
    asked = [t for t in calm.possible]
    assert len(asked) == len(trained)
    hold(tmp_path, asked, noisy)
    said = tune(*race, "--name", "decided")
    assert said.code == 0, said.err
    assert said.out.endswith("\n".join(calm.report()) + "\n")
    results = open_results(tune.store)
    assert {row["status"] for row in results.trials("decided")} == {"cached"}
    assert len(results.trials("decided")) == 19
    assert results.sweep_description("decided")["num_trials"] == 19
    # One more trial is to be trained, and a cluster is asked for.
    with pytest.raises(AssertionError, match="Ray was started"):
        tune(*race[:-1], "9")
    plan = tune(*race, "--plan=count")
    assert "all 19 are in" in plan.out


def test_the_first_seeds_are_those_of_the_space() -> None:
    race = new(most=5, text=SPACE.replace("seeds=2", "seeds=[7, 1]"))
    seeds = [trial.config.seed for trial in race.trials[::3]]
    assert seeds == [7, 1, 0, 2, 3]


@pytest.mark.parametrize(
    ("until", "most", "found"),
    [
        (-1.0, 8, "--until-interval: must be above 0; found -1"),
        (float("nan"), 8, "--until-interval: must be above 0; found nan"),
        (0.1, 2, "--max-seeds: must be at least 3"),
        (0.1, 1001, "--max-seeds: must be at most 1,000"),
    ],
)
def test_what_is_no_race_is_refused(until: float, most: int, found: str) -> None:
    with pytest.raises(ConfigError, match=found):
        new(until, most)


@pytest.mark.parametrize(
    ("text", "arguments", "found"),
    [
        (
            'SPACE = Search(axes={"optimizer.lr": uniform(0.1, 0.2)}, trials=3)',
            ("--until-interval", "0.01"),
            "--until-interval: must have an ablation",
        ),
        (SPACE, ("--max-seeds", "4"), "--max-seeds: must stand beside --until"),
        (SPACE, ("--until-interval", "x"), "valid number"),
    ],
)
def test_a_wrong_command_is_one_line(
    tune: Command, text: str, arguments: tuple[str, ...], found: str
) -> None:
    Path("space.py").write_text(f"from raypg import *\n{text}\n")
    said = tune("space.py", *arguments)
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert found in said.err
    assert tune.is_untouched()


@pytest.mark.slow
def test_a_race_runs_on_warm_workers_and_goes_on_when_resumed(
    run_space: RunSpace,
) -> None:
    base = {"model.name": "mlp", "train.epochs": 2}
    # Between the first two there is nothing but noise.
    axes = {"optimizer.lr": [0.05, 0.06, 1e-9]}
    finished = run_space(
        f"SPACE = Ablation(base={base}, axes={axes})",
        until_interval=1e-6,
        max_seeds=5,
        max_concurrent=2,
    )
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    counts = [
        sum(row["arm"].endswith(f"={lr}") for row in rows)
        for lr in axes["optimizer.lr"]
    ]
    assert counts == [5, 5, 3]
    assert len({row["pid"] for row in rows}) <= 2
    assert results.sweep_description(finished.sweep)["num_trials"] == len(rows)
    proposals = finished.ledger.proposals
    assert isinstance(proposals, RacingProposals)
    assert "beyond noise" in proposals.report()[1]
    again = resume(finished)
    assert len(results.trials(finished.sweep)) == len(rows)
    assert isinstance(again.ledger.proposals, RacingProposals)
    assert again.ledger.proposals.report() == proposals.report()


@pytest.mark.slow
def test_a_finished_race_is_given_more_epochs_for_all_of_its_trials(
    run_space: RunSpace, tmp_path: Path
) -> None:
    base = {"model.name": "mlp", "schedule.name": "constant", "train.epochs": 1}
    axes = {"optimizer.lr": [0.05, 0.06, 1e-9]}
    space = f"SPACE = Ablation(base={base}, axes={axes})"
    race = {"until_interval": 1e-6, "max_seeds": 4}
    first = run_space(space, **race)
    results = open_results(first.store)
    before = [(row["arm"], row["seed"]) for row in results.trials(first.sweep)]
    assert len(before) == 11
    grown = resume(first, "train.epochs=2")
    assert grown.exit_code == 0
    rows = results.trials(first.sweep)
    ended = [row for row in rows if row["status"] == "completed"]
    assert {row["num_epochs"] for row in ended} == {2}
    assert {row["status"] for row in rows} == {"completed", "extended"}
    assert sorted((row["arm"], row["seed"]) for row in ended) == sorted(before)
    assert all(row["began_as"] for row in ended)
    assert results.sweep_description(first.sweep)["num_trials"] == len(ended)
    assert resume(grown).ledger.entries == {}
