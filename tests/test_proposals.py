import math
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import raypg
from raypg import ASHA, Ablation, Search, choice, integer, log_uniform, uniform, when
from raypg.config import Layer
from raypg.errors import SpaceError
from raypg.experiment import (
    AblationProposals,
    AnyProposals,
    Past,
    SearchProposals,
    SpaceFile,
    Trial,
    build_proposals,
)

AXES: dict[str, Any] = {
    "optimizer.name": choice("sgd", "adamw"),
    "optimizer.lr": log_uniform(1e-3, 1.0),
    "optimizer.momentum": when("optimizer.name", "sgd", uniform(0.5, 0.99)),
    "model.growth_rate": integer(4, 64, log=True),
    "model.depth": integer(10, 40, step=6),
    "schedule.milestones": choice([0.5, 0.75], [0.3]),
}
DEPTHS = Ablation(axes={"model.depth": [22, 40]}, seeds=2)


def ablation(space: Ablation) -> AblationProposals:
    found = build(space)
    assert isinstance(found, AblationProposals)
    return found


def search(**change: Any) -> SearchProposals:  # noqa: ANN401
    found = build(Search(**{"axes": AXES, "trials": 20, **change}))
    assert isinstance(found, SearchProposals)
    return found


def build(space: Ablation | Search) -> AnyProposals:
    file = SpaceFile("a test", "test", "", "", space)
    layers = [Layer("a.yaml", {"train.batch_size": 32})]
    return build_proposals(file, layers, device="cpu", num_workers=1)


def everything(proposals: AblationProposals | SearchProposals) -> Iterator[Trial]:
    while (trial := proposals.propose()) is not None:
        yield trial


def score(trial: Trial) -> float:
    return -abs(math.log10(trial.config.optimizer.lr / 0.03))


def run(proposals: SearchProposals) -> list[Past]:
    """Train all trials, one by one; some are stopped, some fail."""
    past = []
    for trial in everything(proposals):
        # Not by the key, which an edit of the training code changes.
        number = zlib.crc32(str(sorted(trial.values.items())).encode())
        status = "completed" if number % 3 else "stopped"
        status, value = (status, score(trial)) if number % 7 else ("failed", None)
        proposals.observe(trial.key, 1, value)
        proposals.finish(trial.key, status, value)
        seen = {} if value is None else {1: value}
        past.append(Past(trial.key, trial.values, status, value, seen))
    return past


def test_every_arm_runs_with_a_seed_before_any_runs_with_the_next() -> None:
    found = [(trial.arm, trial.seed) for trial in everything(ablation(DEPTHS))]
    assert found == [
        ("model.depth=22", 0),
        ("model.depth=40", 0),
        ("model.depth=22", 1),
        ("model.depth=40", 1),
    ]


def test_a_trial_knows_its_config_values_and_key() -> None:
    trial = ablation(DEPTHS).trials[2]
    assert trial.values == {"model.depth": 22}
    assert (trial.config.seed, trial.seed) == (1, 1)
    assert trial.config.train.batch_size == 32
    assert trial.key == trial.fingerprint.key


def test_an_ablation_knows_its_arms_and_its_baseline() -> None:
    found = ablation(DEPTHS)
    assert found.arms == ("model.depth=22", "model.depth=40")
    assert (found.baseline, found.num_trials) == ("model.depth=40", 4)


def test_arms_that_would_train_the_same_are_an_error() -> None:
    with pytest.raises(SpaceError, match="a test: axes: must make trials that differ"):
        ablation(Ablation(axes={"data.root": ["a", "b"]}))


def test_an_ablation_goes_on_with_what_has_not_ended() -> None:
    found = ablation(DEPTHS)
    statuses = ["completed", "interrupted", "cached", "running"]
    found.replay(
        [
            Past(trial.key, trial.values, status)
            for trial, status in zip(found.trials, statuses, strict=True)
        ]
    )
    assert list(everything(found)) == [found.trials[1], found.trials[3]]


def test_the_space_s_metric_and_epochs_are_in_every_config() -> None:
    proposals = search(metric="val.loss", mode="min", scheduler=ASHA(max_epochs=9))
    trial = proposals.propose()
    assert trial is not None
    assert (trial.config.train.epochs, trial.config.train.metric) == (9, "val.loss")


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_draws_different_trials_within_its_ranges(sampler: str) -> None:
    trials = list(everything(search(sampler=sampler, trials=50)))
    assert len({trial.key for trial in trials}) == 50
    for trial in trials:
        values = dict(trial.values)
        assert 1e-3 <= values["optimizer.lr"] <= 1  # type: ignore[operator]
        assert values["model.depth"] in range(10, 41, 6)
        assert 4 <= values["model.growth_rate"] <= 64  # type: ignore[operator]
        is_sgd = values["optimizer.name"] == "sgd"
        assert ("optimizer.momentum" in values) == is_sgd
        assert trial.config.optimizer.lr == values["optimizer.lr"]
    milestones = [trial.values["schedule.milestones"] for trial in trials]
    assert [0.3] in milestones
    assert [0.5, 0.75] in milestones


def test_a_logarithmic_range_gives_every_order_of_magnitude_its_share() -> None:
    axes = {
        "optimizer.lr": log_uniform(1e-4, 1.0),
        "model.growth_rate": integer(1, 100, log=True),
    }
    trials = list(everything(search(axes=axes, trials=400, sampler="random")))
    small = sum(trial.config.optimizer.lr < 1e-2 for trial in trials)
    few = sum(trial.values["model.growth_rate"] < 10 for trial in trials)  # type: ignore[operator]
    assert 170 < small < 230
    assert 170 < few < 230


def test_random_draws_do_not_depend_on_what_ends_when() -> None:
    told, untold = search(sampler="random"), search(sampler="random")
    run(told)
    again = search(sampler="random")
    assert [t.key for t in everything(untold)] == [t.key for t in everything(again)]
    assert [t.key for t in everything(untold)] == []


def test_tpe_learns_from_what_it_is_told() -> None:
    axes = {"optimizer.lr": log_uniform(1e-3, 1.0), "model.dropout": uniform(0, 0.9)}
    past = run(search(axes=axes, trials=40))
    rates = [float(trial.values["optimizer.lr"]) for trial in past]  # type: ignore[arg-type]

    def miss(some: list[float]) -> float:
        return sum(abs(math.log10(rate / 0.03)) for rate in some) / len(some)

    assert miss(rates[-20:]) < 0.6 * miss(rates[:10])


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("num_ended", [0, 3, 13])
def test_a_resumed_search_draws_what_it_would_have_drawn(
    sampler: str, num_ended: int
) -> None:
    past = run(search(sampler=sampler))
    resumed = search(sampler=sampler)
    left = Past(past[num_ended].key, past[num_ended].values, "interrupted")
    resumed.replay([*past[:num_ended], left])
    assert [trial.key for trial in run(resumed)] == [t.key for t in past[num_ended:]]


def test_a_trial_of_other_code_is_proposed_again() -> None:
    past = run(search(trials=3))
    stale = Past("0" * 16, past[0].values, "completed", 0.5)
    resumed = search(trials=3)
    resumed.replay([stale, past[1]])
    assert [trial.key for trial in everything(resumed)][0] == past[0].key


def test_a_value_that_is_no_number_is_told_as_a_failure() -> None:
    proposals = search()
    for trial, value in zip(everything(proposals), [math.nan, None, 0.5], strict=False):
        proposals.observe(trial.key, 1, value)
        proposals.finish(trial.key, "completed", value)
    assert proposals.num_trials == 20


def test_a_small_space_ends_when_it_is_exhausted() -> None:
    axes = {"model.depth": choice(10, 22), "data.flip": choice(True, False)}
    for sampler in ("random", "tpe"):
        proposals = search(axes=axes, trials=9, sampler=sampler)
        assert len(run(proposals)) == 4
        assert proposals.num_trials == 4


def test_a_combination_that_no_model_can_be_built_of_is_drawn_again() -> None:
    axes = {
        "model.bottleneck": choice(False, True),
        "model.depth": integer(22, 40, step=3),  # with bottlenecks every other one
    }
    for sampler in ("random", "tpe"):
        assert (
            len(list(everything(search(axes=axes, trials=20, sampler=sampler)))) == 11
        )


def test_the_corners_say_what_a_search_may_cost() -> None:
    axes = {"model.depth": choice(10, 22, 40), "optimizer.lr": log_uniform(0.01, 1)}
    labels = [trial.arm for trial in search(axes=axes).corners()]
    assert len(labels) == 6
    assert labels[0] == "model.depth=10 optimizer.lr=0.01"


def test_another_process_draws_the_same(tmp_path: Path) -> None:
    script = (
        "from tests.test_proposals import *\n"
        "print([t.key for t in run(search(trials=14))])"
    )
    root = Path(raypg.__file__).parents[1]
    output = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONHASHSEED": "5", "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.strip() == str([trial.key for trial in run(search(trials=14))])


def test_patience_ends_a_search_after_so_many_trials_without_a_better_best() -> None:
    values = [0.1, 0.5, 0.4, 0.5, 0.6, 0.2, 0.3, 0.6, 0.9]
    proposals = search(patience=3)
    for value in values:
        trial = proposals.propose()
        if trial is None:
            break
        proposals.finish(trial.key, "completed", value)
    assert proposals.propose() is None
    assert (proposals.num_trials, proposals.has_lost_patience) == (8, True)


def test_failures_say_nothing_to_patience() -> None:
    proposals = search(patience=2)
    for status, value in [("completed", 0.5), ("failed", None), ("failed", None)]:
        trial = proposals.propose()
        assert trial is not None
        proposals.finish(trial.key, status, value)
    assert not proposals.has_lost_patience
