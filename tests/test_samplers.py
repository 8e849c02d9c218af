"""Optuna's samplers as a search has them: seeded, in their ranges, resumed."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import raypg
from raypg import Search, choice, integer, log_uniform, uniform
from raypg.errors import SpaceError
from raypg.experiment import Past, samplers
from tests.test_proposals import everything, run, score, search

NAMES = ["cmaes", pytest.param("gp", marks=pytest.mark.slow), "nsga2", "qmc"]
AXES: dict[str, Any] = {
    "optimizer.lr": log_uniform(1e-3, 1.0),
    "optimizer.momentum": uniform(0.5, 0.99),
    "model.growth_rate": integer(4, 64, log=True),
    "data.flip": choice(False, True),
}
TRIALS = 24


def skip_without(name: str) -> None:
    if name == "cmaes":
        pytest.importorskip("cmaes")


@pytest.mark.parametrize("name", NAMES)
def test_draws_differ_and_lie_in_their_ranges(name: str) -> None:
    skip_without(name)
    past = run(search(axes=AXES, trials=TRIALS, sampler=name))
    assert len({one.key for one in past}) == TRIALS
    for one in past:
        values: dict[str, Any] = dict(one.values)
        assert 1e-3 <= values["optimizer.lr"] <= 1
        assert 0.5 <= values["optimizer.momentum"] <= 0.99
        assert values["model.growth_rate"] in range(4, 65)
    assert {one.values["data.flip"] for one in past} == {False, True}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_ended", [3, 15])
def test_a_resumed_search_draws_what_it_would_have_drawn(
    name: str, num_ended: int
) -> None:
    skip_without(name)
    past = run(search(axes=AXES, trials=TRIALS, sampler=name))
    resumed = search(axes=AXES, trials=TRIALS, sampler=name)
    left = Past(past[num_ended].key, past[num_ended].values, "interrupted")
    resumed.replay([*past[:num_ended], left])
    assert [one.key for one in run(resumed)] == [one.key for one in past[num_ended:]]


def test_another_process_draws_the_same() -> None:
    script = (
        "from tests.test_samplers import *\n"
        "print([p.key for p in run(search(axes=AXES, trials=14, sampler='nsga2'))],"
        "[p.key for p in run(search(axes=AXES, trials=14, sampler='qmc'))])"
    )
    root = Path(raypg.__file__).parents[1]
    command = [sys.executable, "-W", "ignore", "-c", script]
    told = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    here = [
        [past.key for past in run(search(axes=AXES, trials=14, sampler=name))]
        for name in ("nsga2", "qmc")
    ]
    assert told.stdout.strip() == f"{here[0]} {here[1]}"


@pytest.mark.parametrize("name", ["cmaes", pytest.param("gp", marks=pytest.mark.slow)])
def test_what_learns_comes_nearer_to_the_best(name: str) -> None:
    skip_without(name)
    axes = {"optimizer.lr": log_uniform(1e-3, 1.0), "model.dropout": uniform(0, 0.9)}
    proposals = search(axes=axes, trials=40, sampler=name)
    found = []
    for trial in everything(proposals):
        found.append(score(trial))
        proposals.finish(trial.key, "completed", found[-1])
    assert sum(found[-10:]) > 0.6 * sum(found[:10])


def test_quasi_random_draws_fill_the_range_more_evenly_than_chance() -> None:
    axes = {"model.dropout": uniform(0.0, 0.99)}
    past = run(search(axes=axes, trials=33, sampler="qmc"))
    tenths = [int(float(one.values["model.dropout"]) * 10) for one in past[1:]]  # type: ignore[arg-type]
    assert min(tenths.count(tenth) for tenth in range(10)) >= 2


def test_a_missing_package_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(
        samplers, "find_spec", lambda name: None if name == "cmaes" else known(name)
    )
    match = r'the package cmaes; found "cmaes" without it. Install it \(pip install cma'
    with pytest.raises(SpaceError, match=match):
        search(axes=AXES, sampler="cmaes")


def test_a_covariance_wants_two_numbers() -> None:
    axes: dict[str, Any] = {"optimizer.lr": uniform(0.1, 1), "data.flip": choice(0, 1)}
    with pytest.raises(
        SpaceError, match='must have two axes of numbers.*"cmaes" with 1'
    ):
        samplers.check_sampler(Search(axes=axes, trials=3, sampler="cmaes"))
