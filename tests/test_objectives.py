"""A search with several metrics: what it takes, refuses, draws and remembers."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from raypg import Search, choice, integer, log_uniform, uniform
from raypg.config import Layer
from raypg.errors import ConfigError, RaypgError, SpaceError
from raypg.experiment import Known, Past, SearchProposals, SpaceFile, Trial
from raypg.experiment import build_proposals as build
from raypg.results.front import find_front
from raypg.space import from_data, to_data
from raypg.space.objectives import Objective
from tests.test_proposals import everything, score, search

BOTH = ("val.accuracy", "num_parameters")
AXES: dict[str, Any] = {
    "optimizer.lr": log_uniform(1e-3, 1.0),
    "model.growth_rate": integer(4, 64),
    "data.flip": choice(False, True),
}
SLOW = pytest.mark.slow
SAMPLERS = ["tpe", "nsga2", "qmc", "random"]


def space(**change: Any) -> Search:  # noqa: ANN401
    return Search(**{"axes": AXES, "trials": 3, "metrics": BOTH, **change})


def row_of(trial: Trial) -> Mapping[str, Any]:
    """A thin network is cheap, and the rate alone makes it good."""
    return {"num_parameters": trial.values["model.growth_rate"]}


def run(proposals: SearchProposals) -> list[Past]:
    """Train all trials, one by one; one in seven fails."""
    past = []
    for number, trial in enumerate(everything(proposals)):
        status, value = ("completed", score(trial)) if number % 7 else ("failed", None)
        proposals.observe(trial.key, 1, value)
        proposals.finish(trial.key, status, value, row_of(trial))
        past.append(Past(trial.key, trial.values, status, value, row=row_of(trial)))
    return past


def test_the_first_metric_is_that_of_what_knows_but_one() -> None:
    found = space(metrics=["val.loss:min", "val.accuracy", "train_s"])
    assert (found.metric, found.mode) == ("val.loss", "min")
    assert found.objectives == (
        Objective("val.loss", "min"),
        Objective("val.accuracy", "max"),
        Objective("train_s", "min"),
    )
    alone = Search(axes=AXES, trials=3, metric="val.loss", mode="min")
    assert alone.objectives == (Objective("val.loss", "min"),)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"metrics": "val.loss"}, "metrics: must be a list of names"),
        ({"metrics": [1, 2]}, "metrics: must be a list of names"),
        ({"metrics": ["val.loss"]}, "metrics: must be two or more; found 1 of them"),
        ({"metrics": ["val.loss", "val.loss"]}, 'must all differ; found "val.loss" t'),
        ({"metrics": ["val.loss", "parameters"]}, 'Did you mean "num_parameters"'),
        ({"metrics": ["val.loss", "test.loss"]}, "or costs; found .test.loss"),
        ({"metrics": ["val.loss:max", "train_s"]}, 'must be "min" for val.loss'),
        ({"metrics": ["train_s", "val.loss"]}, "must begin with one of the validation"),
        ({"metric": "val.loss"}, "metric: must be the first of metrics"),
        ({"mode": "min"}, 'mode: must be "max" for val.accuracy'),
        ({"sampler": "cmaes"}, 'sampler: must be one that takes several.*"nsga2"'),
        ({"patience": 3}, "patience: must be 0 with several metrics"),
        (
            {"metrics": (), "metric": list(BOTH)},
            r"metric: must be one name.*metrics=\(",
        ),
        (
            {"base": {"train.metrics": "my.py:cost"}, "metrics": [*BOTH, "val.cost"]},
            'must say which end is good; found "val.cost". Write "val.cost:min"',
        ),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], match: str) -> None:
    with pytest.raises(SpaceError, match=match) as caught:
        space(**change)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "scheduler", ["ASHA(9)", "Hyperband(9)", "MedianStopping(9)", "PBT(9)"]
)
def test_a_scheduler_wants_one_metric(scheduler: str) -> None:
    import raypg

    rule = eval(scheduler, {name: getattr(raypg, name) for name in raypg.__all__})
    with pytest.raises(SpaceError, match="scheduler: must be left out with several"):
        space(axes={"optimizer.lr": uniform(0.1, 1)}, scheduler=rule, trials=8)


@pytest.mark.parametrize(
    ("base", "metrics", "match"),
    [
        ({}, ["val.loss", "val.macro_f1"], "measured each epoch.*Put macro_f1 into tr"),
        ({"train.metrics": "macro_f1"}, ["val.loss", "val.macro_f1"], ""),
        ({}, ["val.macro_f1", "val.loss"], ""),
        (
            {"train.metrics": "macro_f1"},
            ["val.loss", "val.calibration_error"],
            "Put calibration_error into train.metrics",
        ),
    ],
)
def test_a_metric_of_validation_must_be_measured(
    base: dict[str, Any], metrics: list[str], match: str
) -> None:
    found = space(base=base, metrics=metrics)
    file = SpaceFile("a test", "test", "", "", found)
    layers = [Layer("a.yaml", {"train.batch_size": 32})]
    if match:
        with pytest.raises(RaypgError, match=match):
            build(file, layers, device="cpu", num_workers=1)
    else:
        build(file, layers, device="cpu", num_workers=1)


def test_train_metric_is_the_first_one() -> None:
    file = SpaceFile("a test", "test", "", "", space(metrics=["val.loss", "train_s"]))
    layers = [Layer("a.yaml", {"train.metric": "val.accuracy"})]
    with pytest.raises(ConfigError, match="must be val.loss, as the metric of"):
        build(file, layers, device="cpu", num_workers=1)


@pytest.mark.parametrize(
    ("name", "num_ended", "num"),
    [(name, num_ended, 24) for name in SAMPLERS for num_ended in (4, 15)]
    # Its first ten draws are at random, and the others take seconds.
    + [pytest.param("gp", 12, 14, marks=SLOW)],
)
def test_a_resumed_search_draws_what_it_would_have_drawn(
    name: str, num_ended: int, num: int
) -> None:
    given = {"axes": AXES, "trials": num, "sampler": name, "metrics": BOTH}
    past = run(search(**given))
    assert len({one.key for one in past}) == num
    resumed = search(**given)
    left = Past(past[num_ended].key, past[num_ended].values, "interrupted")
    resumed.replay([*past[:num_ended], left])
    ahead = [trial.key for trial in numbered(resumed, num_ended)]
    assert ahead == [one.key for one in past[num_ended:]]


def numbered(proposals: SearchProposals, first: int) -> list[Trial]:
    """Go on as `run` does, from a trial on."""
    trials = []
    for number, trial in enumerate(everything(proposals), start=first):
        status, value = ("completed", score(trial)) if number % 7 else ("failed", None)
        proposals.finish(trial.key, status, value, row_of(trial))
        trials.append(trial)
    return trials


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_what_learns_fills_the_front(name: str) -> None:
    axes = {"optimizer.lr": log_uniform(1e-3, 1.0), "model.growth_rate": integer(4, 64)}
    num = 200

    def late(sampler: str) -> float:
        """How far the last third is from the best rate, and how thick its networks."""
        trials = numbered(
            search(axes=axes, trials=num, sampler=sampler, metrics=BOTH), 1
        )[-num // 3 :]
        off = [-score(one) for one in trials]
        size = [float(str(one.values["model.growth_rate"])) / 64 for one in trials]
        return (sum(off) + sum(size)) / len(trials)

    assert late(name) < 0.9 * late("random")


def test_what_lacks_a_number_teaches_nothing() -> None:
    def drawn(*further: Mapping[str, Any]) -> list[str]:
        given = {"axes": AXES, "trials": 20, "sampler": "nsga2", "metrics": BOTH}
        proposals = search(**given)
        for number, trial in enumerate(everything(proposals)):
            row = further[0] if further and number == 3 else row_of(trial)
            value = score(trial) if number != 3 or further else None
            proposals.finish(trial.key, "completed", value, row)
        return list(proposals._index)

    missing = drawn()
    assert drawn({"num_parameters": None}) == missing
    assert drawn({}) == missing
    assert drawn({"num_parameters": float("nan")}) == missing
    assert drawn({"num_parameters": 1}) != missing


def test_earlier_trials_are_known_by_all_metrics() -> None:
    def first(*known: Known) -> list[str]:
        proposals = search(axes=AXES, trials=6, metrics=BOTH)
        proposals.learn(known)
        return [trial.key for trial in everything(proposals)]

    values: list[dict[str, Any]] = [
        {"optimizer.lr": 0.03, "model.growth_rate": 4 + i, "data.flip": False}
        for i in range(12)
    ]
    known = [Known(own, 0.9, (5.0 + i,)) for i, own in enumerate(values)]
    saved = [Known(**one) for one in json.loads(json.dumps([*map(asdict, known)]))]
    assert first(*known) == first(*saved) != first()


def asdict(known: Known) -> dict[str, Any]:
    return {name: getattr(known, name) for name in known.__slots__}


def test_a_space_of_several_metrics_is_the_same_again() -> None:
    own = space(metrics=["val.loss", "num_flops:min"], sampler="nsga2")
    assert from_data(json.loads(json.dumps(to_data(own))), "here") == own
    old = to_data(Search(axes=AXES, trials=3))
    del old["metrics"]  # what an older raypg wrote
    assert from_data(old, "here") == Search(axes=AXES, trials=3)


def test_a_front_holds_the_trials_that_were_worth_it() -> None:
    past = [
        one for one in run(search(axes=AXES, metrics=BOTH)) if one.value is not None
    ]
    points = [(one.value or 0.0, one.row["num_parameters"]) for one in past]
    front = find_front(points, ("max", "min"))
    assert min(size for _, size in points) in {points[i][1] for i in front}
    assert max(value for value, _ in points) == points[front[0]][0]
