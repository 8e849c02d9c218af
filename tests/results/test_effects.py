"""What each choice of a sweep does, against numbers worked out by hand."""

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from raypg.results.__main__ import main
from raypg.results.effects import Effect, find_effects
from raypg.results.importances import (
    MOST_NAMES,
    build_study,
    distribution_of,
    find_importances,
)
from raypg.space.fractions import build_fraction
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

AXES = ["model.depth", "optimizer.lr"]
NOT_OF_INTEREST = {"num_parameters": 1, "train_s": 1.0, "attempt": 0}
NOISE = [0.0, 0.01, 0.03]


def grid(effect: dict[tuple[int, float], float]) -> list[dict[str, Any]]:
    """Three seeds of each cell; the noise of a seed is that of all cells."""
    return [
        trial_row(f"{depth}-{lr}-{seed}")
        | NOT_OF_INTEREST
        | {
            "arm": f"model.depth={depth} optimizer.lr={lr}",
            "seed": seed,
            "config.model.depth": depth,
            "config.optimizer.lr": lr,
            "val.accuracy": value + noise * (1 + depth / 100),
        }
        for (depth, lr), value in effect.items()
        for seed, noise in enumerate(NOISE)
    ]


CROSSED = {(22, 0.1): 0.5, (22, 0.2): 0.6, (40, 0.1): 0.7, (40, 0.2): 0.9}


def named(effects: list[Effect], kind: str) -> dict[str, Effect]:
    return {effect.name: effect for effect in effects if effect.kind == kind}


def test_a_full_design_has_arms_marginal_means_and_interactions() -> None:
    found = find_effects(
        grid(CROSSED), "val.accuracy", AXES, "model.depth=22 optimizer.lr=0.1"
    )
    arms = named(found, "arm")
    assert len(arms) == 4
    assert arms["model.depth=22 optimizer.lr=0.1"].is_baseline
    marginal = named(found, "marginal")
    depth = marginal["model.depth=40"]
    # (0.7 - 0.5 + 0.9 - 0.6) / 2, and 18 % of each seed's noise.
    expected = [0.25 + 0.18 * noise for noise in NOISE]
    assert depth.paired is not None
    assert depth.paired.difference.mean == pytest.approx(sum(expected) / 3)
    assert depth.paired.p_t == pytest.approx(stats.ttest_1samp(expected, 0).pvalue)
    assert marginal["model.depth=22"].is_baseline
    assert marginal["optimizer.lr=0.2"].mean is not None
    ((name, both),) = named(found, "interaction").items()
    assert name == "model.depth=40 × optimizer.lr=0.2"
    assert both.paired is not None
    assert both.paired.difference.mean == pytest.approx(0.1)


def fraction(resolution: int, num_axes: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Three seeds of a fraction whose axes add up, each twice the one before it."""
    axes = [f"model.a{axis}" for axis in range(num_axes)]
    rows = [
        trial_row(f"{run}-{seed}")
        | NOT_OF_INTEREST
        | {f"config.{axis}": level for axis, level in zip(axes, run, strict=True)}
        | {
            "arm": f"{run}",
            "seed": seed,
            "val.accuracy": sum(0.01 * level * 2**i for i, level in enumerate(run))
            + noise,
        }
        for run in build_fraction(num_axes, resolution)
        for seed, noise in enumerate(NOISE)
    ]
    return rows, axes


@pytest.mark.parametrize(("resolution", "num_axes"), [(3, 3), (4, 4), (3, 7), (5, 5)])
def test_a_fraction_has_the_effect_of_each_axis(resolution: int, num_axes: int) -> None:
    rows, axes = fraction(resolution, num_axes)
    baseline = str((0,) * num_axes)
    found = named(find_effects(rows, "val.accuracy", axes, baseline), "marginal")
    assert len(found) == 2 * num_axes
    for number, axis in enumerate(axes):
        effect = found[f"{axis}=1"]
        assert effect.paired is not None
        assert effect.paired.difference.mean == pytest.approx(0.01 * 2**number)
        assert found[f"{axis}=0"].is_baseline
        assert bool(effect.marks) == (resolution == 3)


def test_a_fraction_with_a_missing_run_has_arms_alone() -> None:
    rows, axes = fraction(4, 4)
    found = find_effects(rows[3:], "val.accuracy", axes, rows[3]["arm"])
    assert not named(found, "marginal")


def test_pairs_of_changes_have_their_interactions() -> None:
    runs = [run for run in itertools.product((0, 1), repeat=3) if sum(run) < 3]
    axes = [f"model.a{axis}" for axis in range(3)]
    rows = [
        trial_row(f"{run}-{seed}")
        | NOT_OF_INTEREST
        | {f"config.{axis}": level for axis, level in zip(axes, run, strict=True)}
        | {"arm": f"{run}", "seed": seed}
        | {"val.accuracy": 0.1 * sum(run) + 0.05 * run[0] * run[1] + noise}
        for run in runs
        for seed, noise in enumerate(NOISE)
    ]
    found = find_effects(rows, "val.accuracy", axes, "(0, 0, 0)")
    pairs = named(found, "interaction")
    values = {
        name: one.paired.difference.mean for name, one in pairs.items() if one.paired
    }
    assert values == pytest.approx(
        {
            "model.a0=1 × model.a1=1": 0.05,
            "model.a0=1 × model.a2=1": 0.0,
            "model.a1=1 × model.a2=1": 0.0,
        }
    )


def test_one_choice_at_a_time_has_arms_alone() -> None:
    rows = grid({k: v for k, v in CROSSED.items() if k != (40, 0.2)})
    found = find_effects(rows, "val.accuracy", AXES, "model.depth=22 optimizer.lr=0.1")
    assert {effect.kind for effect in found} == {"arm"}


def test_an_axis_whose_partner_never_varies_has_no_marginal_means() -> None:
    rows = grid({k: v for k, v in CROSSED.items() if k[1] == 0.1})
    found = find_effects(rows, "val.accuracy", AXES, "model.depth=22 optimizer.lr=0.1")
    assert {effect.kind for effect in found} == {"arm"}


def test_many_axes_with_many_values_each_are_no_grid() -> None:
    names = [f"model.x{number}" for number in range(6)]
    rows = [
        trial_row(f"{number}")
        | NOT_OF_INTEREST
        | {f"config.{name}": number for name in names}
        | {"arm": f"{number}", "seed": 0, "val.accuracy": number / 1000}
        for number in range(1000)
    ]
    found = find_effects(rows, "val.accuracy", names, "0")
    assert {effect.kind for effect in found} == {"arm"}


def test_a_missing_cell_is_left_out_of_what_needs_it() -> None:
    rows = [row for row in grid(CROSSED) if row["trial"] != "40-0.2-1"]
    found = find_effects(rows, "val.accuracy", AXES, "model.depth=22 optimizer.lr=0.1")
    ((_, both),) = named(found, "interaction").items()
    assert both.paired is not None
    assert both.paired.difference.num_values == 2
    depth = named(found, "marginal")["model.depth=40"]
    assert depth.paired is not None
    assert depth.paired.difference.num_values == 3


def test_p_values_are_corrected_within_their_kind() -> None:
    found = find_effects(
        grid(CROSSED), "val.accuracy", AXES, "model.depth=22 optimizer.lr=0.1"
    )
    for kind, num in (("arm", 3), ("marginal", 2)):
        tested = [one for one in named(found, kind).values() if one.paired]
        least = min(tested, key=lambda one: one.p_holm or 1)
        assert least.paired is not None
        assert least.paired.p_t is not None
        assert least.p_holm == pytest.approx(num * least.paired.p_t)


def test_the_command_prints_all_of_it_and_marks_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = "model.depth=22 optimizer.lr=0.1"
    store = new_store(tmp_path, "grid", axes=AXES, baseline=baseline)
    rows = grid(CROSSED)
    rows[-1]["attempt"] = 1
    write(store, "grid", trials=rows)
    command = Command(main, store.uri, capsys, monkeypatch)
    said = command("effects", "grid")
    lines = said.out.splitlines()
    assert lines[0].startswith("not alike: model.depth=40 optimizer.lr=0.2 (A) and the")
    assert "Each value over all other axes, against the baseline's value:" in lines
    assert command("effects", "grid", "--strict").code == 1
    rows = json.loads(command("effects", "grid", "--format", "json").out)
    assert {row["kind"] for row in rows} == {"arm", "marginal", "interaction"}
    base = next(row for row in rows if row["is_baseline"])
    assert base["difference"] is None


def test_what_is_asked_about_is_no_mark() -> None:
    rows = grid(CROSSED)
    for row in rows:
        row["config.train.batch_size"] = row["config.train.epochs"] = row[
            "config.model.depth"
        ]
        row["num_epochs"] = row["config.train.epochs"]
    base = "model.depth=22 optimizer.lr=0.1"
    told = [
        {
            mark
            for effect in find_effects(rows, "val.accuracy", axes, base)
            if effect.kind == "arm"
            for mark in effect.marks
        }
        for axes in (AXES, ["train.batch_size", "train.epochs"])
    ]
    assert told == [
        {"epochs done: 40 against 22", "effective batch: 40 against 22"},
        set(),
    ]


def test_an_answer_says_first_what_is_not_alike_and_of_which_arms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"axes": AXES, "baseline": "model.depth=22 optimizer.lr=0.1"}
    store = new_store(tmp_path, "grid", **about)
    rows = grid(CROSSED)
    for row in rows:
        row["num_epochs"] = 3 if row["config.model.depth"] == 22 else 9
    write(store, "grid", trials=rows)
    said = Command(main, store.uri, capsys, monkeypatch)("show", "grid").out
    who = "model.depth=40 optimizer.lr=0.1 and 1 more (A) against the baseline (B)"
    mark = f"not alike: {who}: epochs done: 9 against 3"
    assert said.count("not alike: ") == 1
    assert said.index(mark) < said.index("against baseline")


def test_one_seed_says_nothing_about_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "grid", axes=AXES)
    write(store, "grid", trials=[row for row in grid(CROSSED) if row["seed"] == 0])
    said = Command(main, store.uri, capsys, monkeypatch)("effects", "grid")
    assert said.out.splitlines()[-1].startswith("One seed says nothing about noise")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["gird"], 'Did you mean "grid"'),
        (["grid"], "must have a completed trial with val.accuracy; found none of 1"),
        (["grid", "--metric", "val.f1"], "must be one of validation; found val.f1"),
    ],
)
def test_a_sweep_without_values_is_one_line_and_exit_code_2(
    tmp_path: Path,
    arguments: list[str],
    found: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = new_store(tmp_path, "grid", axes=AXES)
    write(store, "grid", trials=[trial_row("a", "running")])
    said = Command(main, store.uri, capsys, monkeypatch)("effects", *arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert found in said.err


def drawn(num: int) -> list[dict[str, Any]]:
    """Trials of a search whose result follows from the learning rate alone."""
    rng = random.Random(0)
    rows = []
    for index in range(num):
        lr, depth = 10 ** rng.uniform(-3, 0), rng.choice([10, 22, 40])
        values = {"config.optimizer.lr": lr, "config.model.depth": depth}
        accuracy = 1 - (lr - 0.1) ** 2
        rows.append(trial_row(f"{index}") | values | {"val.accuracy": accuracy})
    return rows


def test_the_axis_that_everything_follows_from_is_the_important_one() -> None:
    found = find_importances(drawn(40), "val.accuracy", AXES)
    assert [one.axis for one in found] == ["optimizer.lr", "model.depth"]
    assert found[0].fanova is not None
    assert found[0].mdi is not None
    assert found[0].fanova > 0.9
    assert found[0].mdi > 0.9
    assert sum(one.fanova or 0 for one in found) == pytest.approx(1)
    assert found == find_importances(drawn(40), "val.accuracy", AXES), "seeded"


def test_trials_that_were_stopped_do_not_count_for_importances() -> None:
    rows = drawn(12)
    for row in rows[3:]:
        row["status"] = "stopped"
    assert find_importances(rows, "val.accuracy", AXES) == []


def test_an_axis_that_some_trials_lack_has_no_importance() -> None:
    rows = drawn(12)
    rows[0]["config.model.depth"] = None
    found = {one.axis: one for one in find_importances(rows, "val.accuracy", AXES)}
    assert found["model.depth"].fanova is None
    assert found["optimizer.lr"].fanova == pytest.approx(1)


def test_of_an_axis_of_many_names_one_forest_tells() -> None:
    rows = drawn(40)
    for place, row in enumerate(rows):
        row["config.model.name"] = f"net_{place % (MOST_NAMES + 1)}"
    axes = [*AXES, "model.name"]
    found = {one.axis: one for one in find_importances(rows, "val.accuracy", axes)}
    assert found["model.name"].fanova is None
    assert found["model.name"].mdi is not None
    assert sum(one.fanova or 0 for one in found.values()) == pytest.approx(1)


def test_a_search_prints_its_importances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "lr", axes=AXES, kind="search")
    write(store, "lr", trials=drawn(12))
    command = Command(main, store.uri, capsys, monkeypatch)
    assert "optimizer.lr" in command("effects", "lr").out
    rows = json.loads(command("effects", "lr", "--format", "json").out)
    assert [row["kind"] for row in rows] == ["importance"] * 2


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "IntDistribution"),
        ([0.001, 0.1], "FloatDistribution"),
        (["sgd", "adamw"], "CategoricalDistribution"),
        (["[0.5]", "[0.5, 0.75]"], "CategoricalDistribution"),
        ([True, False], "CategoricalDistribution"),
        ([1, 2.5], "FloatDistribution"),
    ],
)
def test_a_distribution_follows_from_the_values(
    values: list[object], kind: str
) -> None:
    assert type(distribution_of(values)).__name__ == kind
    assert not getattr(distribution_of([0.1, 0.2]), "log", None)


def test_a_study_holds_every_trial() -> None:
    study = build_study(drawn(5), "val.accuracy", AXES)
    values = [row["val.accuracy"] for row in drawn(5)]
    assert [trial.value for trial in study.trials] == values
    assert all(set(t.params) == set(AXES) for t in study.trials)
    assert list(itertools.chain(study.best_trial.params)) == AXES
