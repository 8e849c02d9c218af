"""A search that begins with what earlier sweeps of the store have found."""

import math
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster.connect import Need
from raypg.cluster.prepare import Question, check
from raypg.cluster.warm import read_known_trials
from raypg.config import flatten
from raypg.errors import ConfigError, RaypgError
from raypg.experiment import Known, SearchProposals, parse_space
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

SPACE = """from raypg import *
SPACE = Search(
    base={"model.name": "mlp", "train.epochs": 3},
    axes={"optimizer.lr": log_uniform(1e-3, 1.0), "data.flip": choice(False, True)},
    trials=20)
"""


def question(source: str = SPACE) -> Question:
    file = parse_space(source, "space.py")
    return check(file, [], Need(1, 1, 0), has_cluster=True)


def rows(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Completed trials of the search's own settings, but for these."""
    leaves = flatten(question().example.config)
    config = {f"config.{name}": value for name, value in leaves.items()}
    return [
        trial_row(f"{number:016x}") | config | {"val.accuracy": 0.5} | change
        for number, change in enumerate(changes)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = new_store(tmp_path, "good", "other")
    good = rows(
        {"config.optimizer.lr": 0.1, "val.accuracy": 0.9, "config.seed": 3},
        {"config.optimizer.lr": 0.01, "config.data.flip": True},
        {"config.optimizer.lr": 7.0},
        {"status": "stopped"},
        {"val.accuracy": None},
        {"config.train.epochs": 9},
        {"config.optimizer.lr": 0.2, "changing": "optimizer.lr"},
    )
    write(found, "good", trials=good)
    write(found, "other", trials=rows({"config.model.hidden": 77}))
    return found


def test_what_completed_in_range_with_the_same_settings_is_known(store: Store) -> None:
    told: list[str] = []
    known = read_known_trials(question(), store, ["good", "other"], told.append)
    assert known == [
        Known({"optimizer.lr": 0.1, "data.flip": False}, 0.9),
        Known({"optimizer.lr": 0.01, "data.flip": True}, 0.5),
    ]
    assert told == ["known before the first draw: 2 trials of good, other"]


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("other", "--warm-start: must have completed trials.*another model.hidden"),
        ("goood", "good"),
    ],
)
def test_what_helps_nobody_is_an_error(store: Store, name: str, match: str) -> None:
    with pytest.raises(RaypgError, match=match):
        read_known_trials(question(), store, [name], print)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("trials=20, sampler='random'", "must have a sampler that learns"),
        ("trials=20, scheduler=PBT(9)", "must have a sampler that learns"),
    ],
)
def test_draws_at_random_learn_nothing(store: Store, change: str, match: str) -> None:
    source = SPACE.replace("trials=20", change).replace(', "train.epochs": 3', "")
    with pytest.raises(ConfigError, match=match):
        read_known_trials(question(source), store, ["good"], print)


def test_an_ablation_takes_hits_anyway(tune: Command) -> None:
    said = tune("space.py", "--warm-start", "good")
    assert (said.code, tune.is_untouched()) == (2, True)
    assert said.err.startswith("--warm-start: must stand beside a search; found abl")


def test_a_search_draws_near_what_was_good() -> None:
    def rates(known: list[Known]) -> list[float]:
        proposals = question().proposals
        assert isinstance(proposals, SearchProposals)
        proposals.learn(known)
        found = []
        for _ in range(8):
            trial = proposals.propose()
            assert trial is not None
            found.append(trial.config.optimizer.lr)
            proposals.finish(trial.key, "completed", 0.9 - off(found[-1]))
        return found

    def off(rate: float) -> float:
        return abs(math.log10(rate / 0.022))

    near = [
        Known({"optimizer.lr": 0.02 + i / 1e3, "data.flip": False}, 0.9)
        for i in range(8)
    ]
    far = [
        Known({"optimizer.lr": 0.5 + i / 20, "data.flip": True}, 0.1) for i in range(8)
    ]
    warm, cold = rates([*near, *far]), rates([])
    assert warm == rates([*near, *far]) != cold

    assert sum(map(off, warm)) < sum(map(off, cold))
