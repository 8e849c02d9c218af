import itertools
from collections import Counter
from typing import Any

import pytest

from raypg import (
    ASHA,
    PBT,
    Ablation,
    Hyperband,
    MedianStopping,
    Search,
    ablation_study,
    choice,
    integer,
    log_uniform,
    uniform,
    when,
)
from raypg.errors import SpaceError
from raypg.space import Distribution, build_arms
from raypg.space.fractions import build_fraction

DEPTHS = {"model.depth": [22, 40]}
LR = {"optimizer.lr": log_uniform(1e-3, 1.0)}
TWO: dict[str, list[Any]] = {"model.depth": [22, 40], "data.flip": [False, True]}


def labels(ablation: Ablation, **start: Any) -> list[str]:  # noqa: ANN401
    dotted = {name.replace("__", "."): value for name, value in start.items()}
    return [arm.label for arm in build_arms(ablation, dotted)[0]]


def test_full_has_every_combination() -> None:
    assert labels(Ablation(axes=TWO)) == [
        "model.depth=22 data.flip=false",
        "model.depth=22 data.flip=true",
        "model.depth=40 data.flip=false",
        "model.depth=40 data.flip=true",
    ]


def test_zip_goes_through_all_axes_together() -> None:
    assert labels(Ablation(axes=TWO, design="zip")) == [
        "model.depth=22 data.flip=false",
        "model.depth=40 data.flip=true",
    ]


def test_one_at_a_time_changes_one_axis_of_the_base() -> None:
    ablation = Ablation(axes=TWO, design="one_at_a_time")
    found = labels(ablation, model__depth=40, data__flip=False)
    assert found == ["baseline", "model.depth=22", "data.flip=true"]


def test_one_at_a_time_keeps_the_named_baseline_in_every_arm() -> None:
    ablation = Ablation(axes=TWO, design="one_at_a_time", baseline={"data.flip": True})
    arms, _ = build_arms(ablation, {"model.depth": 40, "data.flip": False})
    assert [dict(arm.values) for arm in arms] == [
        {"data.flip": True},
        {"data.flip": True, "model.depth": 22},
        {"data.flip": False},
    ]


def test_leave_one_out_turns_one_feature_off() -> None:
    off = {"data.flip": [False], "optimizer.nesterov": [False]}
    ablation = Ablation(axes=off, design="leave_one_out")
    found = labels(ablation, data__flip=True, optimizer__nesterov=True)
    assert found == ["baseline", "data.flip=false", "optimizer.nesterov=false"]


def test_leave_one_out_of_a_feature_that_is_off_is_an_error() -> None:
    ablation = Ablation(axes={"data.flip": [False]}, design="leave_one_out")
    with pytest.raises(SpaceError, match=r'axes\["data.flip"\]: must differ'):
        build_arms(ablation, {"data.flip": False})


def test_the_arm_that_equals_the_base_is_the_baseline() -> None:
    _, baseline = build_arms(Ablation(axes=DEPTHS), {"model.depth": 40})
    assert baseline is not None
    assert baseline.label == ("model.depth=40")


def test_the_first_arm_is_the_baseline_where_the_base_is_not_on_the_grid() -> None:
    arms, baseline = build_arms(Ablation(axes=DEPTHS), {"model.depth": 100})
    assert baseline is arms[0]


def test_a_named_baseline_off_the_grid_is_an_arm_of_its_own() -> None:
    ablation = Ablation(axes=DEPTHS, baseline={"model.depth": 100})
    assert labels(ablation, model__depth=40) == [
        "baseline",
        "model.depth=22",
        "model.depth=40",
    ]


def test_seeds_are_a_number_or_a_list() -> None:
    assert Ablation(axes=DEPTHS, seeds=3).seed_list() == [0, 1, 2]
    assert Ablation(axes=DEPTHS, seeds=[5, 7]).seed_list() == [5, 7]


ABLATION_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"axes": {}}, "axes: must have at least one axis"),
    ({"axes": []}, "axes: must be a dict; found list"),
    ({"axes": {3: [1]}}, "axes: must have text as keys; found 3"),
    ({"axes": {"a.b": []}}, r'axes\["a.b"\]: must have at least one value'),
    ({"axes": {"a.b": "sgd"}}, "must be a list of values; found str 'sgd'"),
    ({"axes": {"a.b": itertools.count()}}, "must be a list of values; found count"),
    ({"axes": {"a.b": [1, 1.0]}}, "must have every value once; found 1.0 twice"),
    ({"axes": {"a.b": when("c", 1, choice(2))}}, r"in an Ablation; found when\(…\)"),
    ({"axes": {"seed": [1]}}, r'axes\["seed"\]: must be left to seeds'),
    ({"base": {"seed": 1}}, r'base\["seed"\]: must be left to seeds'),
    ({"base": 3}, "base: must be a dict; found int"),
    ({"base": {1: 2}}, "base: must have text as keys"),
    ({"seeds": 0}, "seeds: must be a whole number from 1"),
    ({"seeds": True}, "seeds: must be a whole number from 1"),
    ({"seeds": [1, 1]}, "seeds: must have every value once"),
    ({"seeds": [-1]}, "seeds: must be a whole number of at least 0"),
    ({"design": "ful"}, 'design: must be known; found "ful". Did you mean "full"?'),
    ({"design": "zip", "axes": {"a": [1], "b": [1, 2]}}, "found a 1, b 2"),
    ({"baseline": {"a.b": 1}}, r'baseline\["a.b"\]: must be an axis'),
    ({"baseline": 3}, "baseline: must be a dict or None"),
    ({"metric": "val.acc"}, 'found "val.acc". Did you mean "val.accuracy"?'),
    ({"metric": "test.accuracy"}, "metric: must be a number of the validation split"),
    ({"metric": "val.loss"}, 'mode: must be "min" for val.loss'),
    ({"axes": {c: range(100) for c in "abc"}}, "at most 100,000 trials"),
]


@pytest.mark.parametrize(("change", "match"), ABLATION_FAULTS)
def test_a_wrong_ablation_is_an_error(change: dict[str, Any], match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        Ablation(**{"axes": DEPTHS, **change})


SEARCH_FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"axes": {"a": uniform(2, 1)}}, r'axes\["a"\]: low must be below high'),
    ({"axes": {"a": uniform(0, float("inf"))}}, "must be finite numbers"),
    ({"axes": {"a": uniform("0", 1)}}, "must be finite numbers"),  # type: ignore[arg-type]
    ({"axes": {"a": log_uniform(0, 1)}}, "low must be above 0 in a logarithmic"),
    ({"axes": {"a": integer(1, 2.5)}}, "must be whole numbers"),  # type: ignore[arg-type]
    ({"axes": {"a": integer(1, 9, step=0)}}, "step must be a whole number"),
    ({"axes": {"a": integer(1, 9, log=True, step=2)}}, "step must be 1 in a log"),
    ({"axes": {"a": choice()}}, "must have at least one value"),
    ({"axes": {"a": [1, 2]}}, r"in a Search it is choice\(…\)"),
    ({"axes": {"a": when("b", 1, choice(1))}}, 'name an axis above it; found "b"'),
    ({"axes": {"b": uniform(0, 1), "a": when("b", 1, choice(1))}}, "on a choice"),
    ({"axes": {"b": choice(1, 2), "a": when("b", 3, choice(1))}}, "Options: 1, 2"),
    ({"axes": {"b": choice(1), "a": when("b", [], choice(1))}}, r"when\(\) must have"),
    ({"base": {"optimizer.lr": 0.1}}, r'base\["optimizer.lr"\]: must not be an axis'),
    ({"trials": 0}, "trials: must be a whole number from 1"),
    ({"trials": 10**9}, "trials: must be a whole number from 1 to 100,000"),
    ({"sampler": "tbe"}, 'sampler: must be known; found "tbe". Did you mean "tpe"?'),
    ({"seed": -1}, "seed: must be a whole number of at least 0"),
    ({"scheduler": 9}, r"scheduler: must be ASHA\(…\), .* or None; found 9"),
    ({"scheduler": ASHA(0)}, "scheduler.max_epochs: must be a whole number"),
    ({"scheduler": ASHA(9, 10)}, "grace_epochs: must be at most scheduler.max_epochs"),
    ({"scheduler": ASHA(9, 1, 1)}, "reduction_factor: must be a whole number of at le"),
    ({"scheduler": ASHA(9, promotion=1)}, "promotion: must be True or False; found 1"),  # type: ignore[arg-type]
    ({"scheduler": Hyperband(0)}, "scheduler.max_epochs: must be a whole number"),
    ({"scheduler": Hyperband(9, 1)}, "reduction_factor: must be a whole number of at"),
    ({"scheduler": MedianStopping(9, 10)}, "grace_epochs: must be at most scheduler.m"),
    ({"scheduler": MedianStopping(9, 1, 0)}, "min_trials: must be a whole number of"),
    ({"scheduler": PBT(9, 10)}, "perturb_every: must be at most scheduler.max_epochs"),
    ({"scheduler": PBT(9, quantile=0.6)}, "quantile: must be a number from 0 to 0.5"),
    ({"scheduler": PBT(9, resample_probability=2)}, "must be a number from 0 to 1"),
    ({"scheduler": PBT(9), "trials": 1}, "trials: must be at least 2 under PBT"),
    (
        {
            "scheduler": PBT(9),
            "axes": {"b": choice(1), "a": when("b", 1, uniform(0, 1))},
        },
        r"must not be a when\(\) under PBT",
    ),
    (
        {"scheduler": ASHA(9), "axes": {"train.epochs": integer(1, 9)}},
        "must not be an axis under a scheduler",
    ),
]


@pytest.mark.parametrize(("change", "match"), SEARCH_FAULTS)
def test_a_wrong_search_is_an_error(change: dict[str, Any], match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        Search(**{"axes": LR, "trials": 4, **change})


def test_every_fault_of_a_space_has_a_line() -> None:
    with pytest.raises(SpaceError, match="trials") as caught:
        Search(axes={"a": uniform(1, 0), "b": choice()}, trials=0)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "trials",
        'axes["a"]',
        'axes["b"]',
    ]


def test_a_conditional_axis_counts_where_its_condition_holds() -> None:
    search = Search(
        axes={
            "optimizer.name": choice("sgd", "adamw"),
            "optimizer.momentum": when("optimizer.name", "sgd", uniform(0.8, 0.9)),
        },
        trials=4,
    )
    assert list(search.corners()) == [
        {"optimizer.name": "sgd", "optimizer.momentum": 0.8},
        {"optimizer.name": "sgd", "optimizer.momentum": 0.9},
        {"optimizer.name": "adamw"},
    ]
    assert len(list(search.probes())) == 4


@pytest.mark.parametrize(
    ("distribution", "probes"),
    [
        (uniform(0, 1), [0.0, 1.0]),
        (integer(4, 10, step=3), [4, 7, 10]),
        (integer(4, 11, step=3), [4, 7, 10]),
        (integer(1, 1000), [1, 1000]),
        (choice("a", "b", "c"), ["a", "b", "c"]),
    ],
)
def test_few_values_are_probed_one_by_one_and_many_at_their_ends(
    distribution: Distribution, probes: list[Any]
) -> None:
    assert distribution.probes() == probes


def test_asha_stops_at_powers_of_the_reduction_factor() -> None:
    assert ASHA(max_epochs=27).rungs() == [1, 3, 9]
    assert ASHA(max_epochs=30, grace_epochs=2, reduction_factor=4).rungs() == [2, 8]


def test_the_decorator_of_the_playground_makes_an_ablation_over_depth() -> None:
    @ablation_study
    def study() -> object:
        return {"depths": [20, 40], "other_params": {"growth_rate": 8, "data.flip": 1}}

    ablation = study.build_ablation()
    assert ablation.axes == {"model.depth": [20, 40]}
    assert ablation.base == {
        "model.name": "densenet",
        "model.round_depth": True,
        "model.growth_rate": 8,
        "data.flip": 1,
    }


@pytest.mark.parametrize(
    ("returned", "match"),
    [
        ([20, 40], r"study\(\): must return a dict; found list"),
        ({}, "must return depths; found an empty dict"),
        ({"dephts": [20]}, 'must return known keys; found "dephts". Did you mean'),
        ({"depths": [20], "other_params": 3}, "must return other_params a dict"),
        ({"depths": 20}, "must be a list of values; found int 20"),
    ],
)
def test_a_wrong_answer_of_the_decorated_function_is_an_error(
    returned: object, match: str
) -> None:
    def study() -> object:
        return returned

    with pytest.raises(SpaceError, match=match):
        ablation_study(study).build_ablation()


def test_pairs_are_all_single_changes_and_all_two_of_different_axes() -> None:
    axes: dict[str, list[Any]] = {**TWO, "model.growth_rate": [12, 24]}
    pairs = Ablation(axes=axes, design="pairs")
    start: dict[str, Any] = {"model__depth": 22, "data__flip": False}
    assert labels(pairs, **start, model__growth_rate=12) == [
        "baseline",
        "model.depth=40",
        "data.flip=true",
        "model.growth_rate=24",
        "model.depth=40 data.flip=true",
        "model.depth=40 model.growth_rate=24",
        "data.flip=true model.growth_rate=24",
    ]
    three = Ablation(axes={"model.depth": [22, 40, 76]}, design="pairs")
    assert labels(three, model__depth=22) == [
        "baseline",
        "model.depth=40",
        "model.depth=76",
    ]


@pytest.mark.parametrize(
    ("num_factors", "resolution", "num_runs"),
    # Montgomery, Design and Analysis of Experiments, table 8.14.
    [
        (3, 3, 4),
        (7, 3, 8),
        (15, 3, 16),
        (4, 4, 8),
        (8, 4, 16),
        (16, 4, 32),
        (5, 5, 16),
        (8, 5, 64),
        (2, 5, 4),
        (1, 4, 2),
    ],
)
def test_a_fraction_is_as_small_as_the_tables_have_it(
    num_factors: int, resolution: int, num_runs: int
) -> None:
    runs = build_fraction(num_factors, resolution)
    assert (len(runs), len(set(runs))) == (num_runs, num_runs)
    assert runs[0] == (0,) * num_factors
    # Of any `resolution - 1` factors every combination of values is equally often had.
    for some in itertools.combinations(
        range(num_factors), min(num_factors, resolution - 1)
    ):
        seen = Counter(tuple(run[factor] for factor in some) for run in runs)
        assert len(seen) == 2 ** len(some)
        assert len(set(seen.values())) == 1


def test_a_fractional_ablation_has_its_runs_as_arms() -> None:
    axes: dict[str, list[Any]] = {
        **TWO,
        "model.growth_rate": [12, 24],
        "model.dropout": [0.0, 0.1],
    }
    arms, baseline = build_arms(Ablation(axes=axes, design="fractional"), {})
    assert len(arms) == 8
    assert baseline is arms[0]
    assert dict(baseline.values) == {axis: values[0] for axis, values in axes.items()}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"axes": {"a": [1, 2, 3]}}, r'axes\["a"\]: must have two values under frac'),
        ({"resolution": 6}, "resolution: must be 3, 4 or 5; found 6"),
        ({"design": "full", "resolution": 3}, 'must stand beside design="fractional"'),
        ({"axes": {f"a{n}": [0, 1] for n in range(33)}}, "must have at most 32 axes"),
    ],
)
def test_a_wrong_fraction_is_an_error(change: dict[str, Any], match: str) -> None:
    with pytest.raises(SpaceError, match=match):
        Ablation(**{"axes": TWO, "design": "fractional", **change})
