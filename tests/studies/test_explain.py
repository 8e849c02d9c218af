"""The way from one config to a better one, and what carries the gain."""

import json
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any
from xml.etree import ElementTree

import pytest

from raypg.cluster import sweep
from raypg.config import flatten, load, parse_overrides
from raypg.errors import ResultsError
from raypg.experiment import Past, PathProposals, Trial, build_proposals, parse_space
from raypg.results import open_results
from raypg.results.__main__ import main
from raypg.results.show_way import describe_way, print_steps
from raypg.results.way import read_steps
from raypg.space import Path
from raypg.studies.between import build_path
from tests.command import Command
from tests.conftest import RunSpace
from tests.results.sweeps import Row, trial_row

GAINS = {"model.hidden=32": 0.2, "optimizer.lr=0.3": 0.1, "train.batch_size=32": -0.02}
THREE = tuple(GAINS)
METRIC = "val.accuracy"


def leaves(*overrides: str) -> dict[str, Any]:
    return flatten(load([parse_overrides(["model.name=mlp", *overrides])]))


def new_path(*overrides: str, seeds: int = 2) -> Path:
    return build_path(leaves("model.hidden=8"), leaves(*overrides), METRIC, seeds)


def proposals(path: Path) -> PathProposals:
    found = build_proposals(
        parse_space(path.source(), "path.py"), [], device="cpu", num_workers=1
    )
    assert isinstance(found, PathProposals)
    return found


def value_of(label: str, seed: int, gains: Mapping[str, float] = GAINS) -> float:
    made = [] if label == "start" else label.split(" ")
    return 0.5 + sum(gains[change] for change in made) + 0.001 * seed * len(made)


def row_of(trial: Trial, status: str = "completed") -> Row:
    """What the tables hold of a trial on the way."""
    value = value_of(trial.arm, trial.seed) if status == "completed" else None
    own = {"arm": trial.arm, "seed": trial.seed, METRIC: value}
    return trial_row(trial.key, status) | own


def go(found: PathProposals, most: int = 999) -> list[Row]:
    """Train it all, two at a time; the rows of what was trained, in order."""
    live: list[Trial] = []
    done: list[Row] = []
    while len(done) < most:
        while len(live) < 2 and (trial := found.propose()) is not None:
            live.append(trial)
        if not live:
            break
        done.append(row_of(live.pop(0)))
        found.finish(done[-1]["trial"], "completed", done[-1][METRIC])
    return done


def test_the_change_that_gains_most_comes_first() -> None:
    found = proposals(new_path(*THREE))
    rows = go(found)
    assert len(rows) == found.num_trials == 2 * (1 + 3 + 2 + 1)
    assert [names for names, _ in found.steps] == [[*THREE[:num]] for num in range(4)]
    steps = read_steps(rows, METRIC)
    assert [step.change for step in steps] == ["start", *GAINS, "all"]
    gains = [step.gain.difference.mean for step in steps if step.gain]
    assert gains == pytest.approx([0.2005, 0.1005, -0.0195, 0.2815])
    assert not found.is_waiting
    assert found.propose() is None


def test_the_next_place_waits_for_all_before_it() -> None:
    found = proposals(new_path(*THREE))
    first = [found.propose(), found.propose()]
    assert found.propose() is None
    assert found.is_waiting
    for trial in first:
        assert trial is not None
        found.finish(trial.key, "completed", 0.5)
    assert found.propose() is not None


def test_another_choice_takes_its_keys_along() -> None:
    path = build_path(flatten(load([])), leaves("optimizer.lr=0.3"), METRIC, 1)
    ((before, after), lr) = path.changes
    assert before["model.name"] == "densenet"
    assert "model.depth" in before
    assert "model.depth" not in after
    assert "model.hidden" in after
    assert lr == ({"optimizer.lr": 0.1}, {"optimizer.lr": 0.3})
    assert path.name(0) == "model.name=mlp"
    assert proposals(path).propose() is not None


def test_a_failed_place_is_not_gone_on_from() -> None:
    found = proposals(new_path("model.hidden=32", "optimizer.lr=0.3", seeds=1))
    rows = []
    while (trial := found.propose()) is not None:
        failed = trial.arm == "model.hidden=32"
        rows.append(row_of(trial, "failed" if failed else "completed"))
        found.finish(trial.key, rows[-1]["status"], rows[-1][METRIC])
    assert found.steps[1][0] == ["optimizer.lr=0.3"]
    steps = read_steps(rows, METRIC)
    assert [step.change for step in steps] == ["start", *reversed(THREE[:2]), "all"]


@pytest.mark.parametrize("most", [0, 1, 5, 9, 13])
def test_a_way_that_is_interrupted_goes_on(most: int) -> None:
    calm = proposals(new_path(*THREE))
    whole = read_steps(go(calm), METRIC)
    done = go(proposals(new_path(*THREE)), most)
    past = [Past(row["trial"], {}, "completed", row[METRIC]) for row in done]
    second = proposals(new_path(*THREE))
    second.replay(past)
    rest = go(second)
    assert len(done) + len(rest) == calm.num_trials
    assert second.steps == calm.steps
    assert read_steps(done + rest, METRIC) == whole
    # So far it is the beginning of the same way.
    so_far = [step.change for step in read_steps(done, METRIC) if step.change != "all"]
    assert so_far == [step.change for step in whole[: len(so_far)]]


def test_a_place_that_still_trains_is_not_on_the_way_yet() -> None:
    rows = go(proposals(new_path(*THREE)))
    last = [row | {"status": "running", METRIC: None} for row in rows[-1:]]
    steps = read_steps(rows[:-1] + last, METRIC)
    assert [step.change for step in steps] == ["start", *THREE[:2], "all"]
    assert read_steps([], METRIC) == []


def test_nothing_between_two_is_said() -> None:
    with pytest.raises(ResultsError, match="must differ in their settings"):
        new_path("model.hidden=8")


def test_the_waterfall_shows_where_each_step_begins_and_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    steps = read_steps(go(proposals(new_path(*THREE, seeds=3))), METRIC)
    print_steps(steps, METRIC, "max")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("model.hidden=32      70.10 ± 0.25 %  +20.10 ± 0.25")
    assert lines[2].rstrip().endswith("+" * 18)
    assert lines[4].rstrip().endswith("-")
    assert describe_way(steps).startswith(
        "Beyond seed noise after Holm's correction for 3 steps: model.hidden=32 (p < "
    )


def test_one_seed_says_nothing_about_noise() -> None:
    steps = read_steps(go(proposals(new_path(*THREE, seeds=1))), METRIC)
    assert describe_way(steps).startswith("One seed says nothing about noise")


def test_a_lower_loss_is_a_gain(capsys: pytest.CaptureFixture[str]) -> None:
    rows = go(proposals(new_path("model.hidden=32", seeds=3)))
    print_steps(read_steps(rows, METRIC), "val.loss", "min")
    assert "---" in capsys.readouterr().out


def test_a_way_without_a_number_is_said() -> None:
    found = proposals(new_path("model.hidden=32", seeds=1))
    rows = []
    while (trial := found.propose()) is not None:
        rows.append(row_of(trial, "failed"))
        found.finish(trial.key, "failed", None)
    told = describe_way(read_steps(rows, METRIC))
    assert told == "No trial on the way gave a number."


@pytest.mark.slow
def test_a_real_way_is_trained_once_told_and_drawn(
    run_space: RunSpace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: File,
) -> None:
    base = {"model.name": "mlp", "train.epochs": 1, "data.fraction": 0.3}
    axes = {"optimizer.lr": [0.001, 0.1], "model.hidden": [4, 32]}
    store = run_space(f"SPACE = Ablation(base={base}, axes={axes}, seeds=2)").store
    results = Command(main, store.uri, capsys, monkeypatch)
    monkeypatch.chdir(tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("a cluster was asked for")

    # All four places are arms of the ablation: nothing is to be trained.
    monkeypatch.setattr(sweep, "connect_for", refuse)
    monkeypatch.setattr(sweep, "run_sweep", refuse)
    worst = "optimizer.lr=0.001 model.hidden=4"
    best = "optimizer.lr=0.1 model.hidden=32"
    arguments = ("explain", best, "--vs", worst, "--seeds", "2")
    assert results(*arguments, "--out", "way.jpg").code == 2
    said = results(*arguments, "--out", "way.svg", "--format", "json")
    assert said.code == 0, said.err
    steps = json.loads(said.out)
    assert {step["change"] for step in steps[1:3]} == {
        "optimizer.lr=0.1",
        "model.hidden=32",
    }
    assert steps[-1]["change"] == "all"
    assert steps[-1]["difference"] > 0.03
    assert steps[0]["interval_low"] is None
    assert steps[-1]["num_pairs"] == 2
    ElementTree.parse("way.svg")
    query = "from trials where sweep like 'explain%'"
    rows = open_results(store).sql(query).to_pylist()
    assert {row["status"] for row in rows} == {"cached"}
    # From the tables alone comes the same once more.
    name = rows[0]["sweep"]
    assert results("figure", name, "waterfall", "--out", "again.svg").code == 0
    assert File("again.svg").read_bytes() == File("way.svg").read_bytes()
    shown = results("show", name).out
    told = describe_way(read_steps(open_results(store).trials(name), METRIC))
    assert told in shown
    assert "\noptimizer.lr=0.1 " in shown
    assert results("explain", best, "--vs", best).code == 2
    assert results("explain", "nothing", "--vs", best).code == 2


@pytest.mark.slow
def test_the_places_between_two_arms_are_trained_on_the_cluster(
    run_space: RunSpace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = {"model.name": "mlp", "train.epochs": 1, "data.fraction": 0.3}
    axes = {"optimizer.lr": [0.001, 0.1], "model.hidden": [4, 32]}
    ends = f"SPACE = Ablation(base={base}, axes={axes}, design='zip', seeds=2)"
    store = run_space(ends).store
    results = Command(main, store.uri, capsys, monkeypatch)
    worst = "optimizer.lr=0.001 model.hidden=4"
    best = "optimizer.lr=0.1 model.hidden=32"
    said = results("explain", best, "--vs", worst, "--seeds", "2", "--format", "json")
    assert said.code == 0, said.err
    assert [step["num_pairs"] for step in json.loads(said.out)[1:]] == [2, 2, 2]
    query = "select status, arm from trials where sweep like 'explain%'"
    rows = open_results(store).sql(query).to_pylist()
    trained = [row for row in rows if row["status"] == "completed"]
    # Two places lie between the ends, of two seeds each; the ends are the ablation's.
    assert (len(rows), len(trained)) == (8, 4)
