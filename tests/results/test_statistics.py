"""Intervals over seeds, and what they allow one to say."""

from pathlib import Path

import pytest

from raypg.results.answer import summarise
from raypg.results.arms import Arm, compare_arms
from raypg.results.query import open_results
from raypg.results.statistics import Mean, correct_holm, mean_interval, p_value
from raypg.results.wording import describe_arms
from raypg.store import Store
from tests.results.sweeps import new_store, trial_row, write


def test_an_interval_is_students() -> None:
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.low == pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-4)
    assert found.high == pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-4)


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.9, 0.90000004]])
def test_values_without_spread_have_no_interval(values: list[float]) -> None:
    assert mean_interval(values).low is None
    assert p_value(values) is None


def test_p_is_that_of_the_t_test() -> None:
    assert p_value([1.0, 2.0, 3.0]) == pytest.approx(0.0742, abs=1e-4)
    assert p_value([-1.0, 1.0]) == pytest.approx(1.0)


def test_holm_corrects_from_the_smallest_on() -> None:
    found = correct_holm([0.04, 0.01, None, 0.03])
    assert found == [0.09, 0.04, None, 0.09]
    assert correct_holm([0.9, 0.8]) == [1.0, 1.0]


def _sweep(folder: Path, arms: dict[str, list[float]], **about: object) -> Store:
    store = new_store(
        folder, "depth", axes=["model.depth"], baseline="model.depth=22", **about
    )
    rows = [
        trial_row(f"{arm}-{seed}", val__accuracy=value, train_s=2.0)
        | {"arm": f"model.depth={arm}", "seed": seed, "number": 10 * number + seed}
        for number, (arm, values) in enumerate(arms.items())
        for seed, value in enumerate(values)
    ]
    write(store, "depth", trials=rows)
    return store


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        (
            {"22": [0.90, 0.91, 0.92], "40": [0.95, 0.959, 0.971]},
            "model.depth matters: 40 beats 22 by 5.0 points (95 % interval 4.8 to 5.2, "
            "3 seeds paired, p < 0.001).",
        ),
        (
            {
                "22": [0.90, 0.91, 0.92],
                "40": [0.80, 0.82, 0.819],
                "58": [0.9, 0.92, 0.9],
            },
            "model.depth matters: 22 beats 40 by 9.7 points (",
        ),
        (
            {"22": [0.90, 0.91, 0.92], "40": [0.92, 0.90, 0.93]},
            "model.depth: no arm differs from 22 by more than seed noise; at most 40 "
            "is ahead of 22 by 0.7 points (95 % interval -3.1 to 4.5, 3 seeds paired, ",
        ),
        (
            {"22": [0.90], "40": [0.95]},
            "model.depth: 40 is ahead of 22 by 5.0 points, but one seed says nothing",
        ),
        (
            {"22": [0.9, 0.8], "40": [0.9, 0.8]},
            "model.depth: no arm differs from 22 at all (2 seeds paired).",
        ),
        (
            {"22": [0.9, 0.8], "40": [0.95, 0.85]},
            "model.depth: 40 is ahead of 22 by 5.0 points in each of 2 seeds: no",
        ),
        ({"22": [0.9, 0.8]}, "There is nothing to compare 22 with."),
    ],
)
def test_the_sentence_says_what_the_seeds_allow(
    tmp_path: Path, arms: dict[str, list[float]], sentence: str
) -> None:
    summary = summarise(open_results(_sweep(tmp_path, arms)), "depth")
    assert summary.sentence.startswith(sentence)
    assert [row["arm"] for row in summary.rows] == [
        f"model.depth={arm}" for arm in arms
    ]


def test_the_command_of_an_answer_runs(tmp_path: Path) -> None:
    store = _sweep(tmp_path, {"22": [0.5, 0.75], "40": [0.5, 0.5]})
    command = summarise(open_results(store), "depth").query_command
    assert command.endswith(f"--store {store.uri}")
    rows = open_results(store).sql(
        command.split('"')[1].replace("config.model.depth", "arm")
    )
    assert rows["mean"].to_pylist() == [0.625, 0.5]


def test_a_loss_is_better_when_it_is_lower(tmp_path: Path) -> None:
    arms = {"22": [0.90, 0.91, 0.92], "40": [0.80, 0.811, 0.82]}
    store = _sweep(tmp_path, arms, mode="min")
    sentence = summarise(open_results(store), "depth").sentence
    assert sentence.startswith("model.depth matters: 40 beats 22")


def test_a_sweep_without_completed_trials_claims_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth")
    write(store, "depth", trials=[trial_row("a", "failed"), trial_row("b", "running")])
    summary = summarise(open_results(store), "depth")
    assert summary.rows == []
    assert summary.sentence == "No trial completed (1 of 2 failed)."


def test_a_search_names_its_best_and_its_cost(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    about = {"kind": "search", "axes": ["optimizer.lr"], "metric": "val.accuracy"}
    store.write_description("lr", about)
    rows = [
        trial_row(t, s, val__accuracy=v, num_epochs=n, config__optimizer__lr=lr)
        for t, s, v, n, lr in (
            ("a", "completed", 0.5, 9, 0.1),
            ("b", "completed", 0.75, 9, 0.25),
            ("c", "stopped", 0.9, 1, 0.5),
        )
    ]
    write(store, "lr", trials=rows)
    summary = summarise(open_results(store), "lr")
    assert [row["trial"] for row in summary.rows] == ["b", "a"]
    assert "reached val.accuracy 75.00 % with optimizer.lr=0.25" in summary.sentence
    assert "(1 stopped early, 19 epochs in all)" in summary.sentence


def test_a_mean_says_how_many_values_it_is_of() -> None:
    assert mean_interval([0.5]) == Mean(1, 0.5, None, None)


def test_the_baseline_of_the_sentence_is_that_of_the_table() -> None:
    arms = [
        Arm(f"model.depth={label}", values, 2, None, None)
        for label, values in {
            22: {0: 0.5},  # shares no seed with the baseline, as it has failed there
            40: {1: 0.6},
            58: {0: 0.7, 1: 0.8},
        }.items()
    ]
    compared = compare_arms(arms, "model.depth=40")
    sentence = describe_arms(compared, "val.accuracy", "max")
    assert "58 is ahead of 40 by 20.0 points" in sentence
