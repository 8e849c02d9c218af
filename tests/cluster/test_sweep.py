from pathlib import Path

import pytest

from raypg.errors import DataError
from raypg.results import open_results
from raypg.store import Store
from tests.conftest import RunSpace

TINY = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]},
    seeds=2,
)
"""


def test_every_trial_of_an_ablation_is_trained_and_booked(run_space: RunSpace) -> None:
    finished = run_space(TINY)
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * 4
    assert {(row["config.optimizer.lr"], row["seed"]) for row in rows} == {
        (lr, seed) for lr in (0.05, 0.1) for seed in (0, 1)
    }
    epochs = results.epochs(finished.sweep)
    assert len({(row["trial"], row["epoch"]) for row in epochs}) == len(epochs) == 8
    assert finished.exit_code == 0


def test_the_store_holds_predictions_and_one_test_result_a_trial(
    run_space: RunSpace,
) -> None:
    finished = run_space(TINY)
    results = open_results(finished.store)
    predictions = results.sql("select trial, count(*) n from predictions group by all")
    assert predictions["n"].to_pylist() == [300] * 4
    tested = results.sql("select * from test_results")
    assert sorted(tested["trial"].to_pylist()) == sorted(finished.ledger.entries)
    accuracy = results.sql(
        "select avg((label = list_position(probabilities, list_max(probabilities)) - 1)"
        "::int) as accuracy from predictions join trials using (trial) group by trial,"
        " val.accuracy having abs(accuracy - val.accuracy) < 0.004"
    )
    assert accuracy.num_rows == 4


def test_a_trial_that_the_store_holds_is_not_trained_again(run_space: RunSpace) -> None:
    first = run_space(TINY)
    second = run_space(TINY)
    results = open_results(second.store)
    rows = results.trials(second.sweep)
    assert {(row["status"], row["source_sweep"]) for row in rows} == {
        ("cached", first.sweep)
    }
    assert results.epochs(second.sweep) != []
    assert second.sweep == "space-2"


def test_fresh_trains_again_and_gives_the_same_numbers(run_space: RunSpace) -> None:
    first = run_space(TINY)
    second = run_space(TINY, is_fresh=True)
    losses = [
        {row["trial"]: row["val.loss"] for row in open_results(one.store).trials(sweep)}
        for one, sweep in ((first, first.sweep), (second, second.sweep))
    ]
    assert losses[0] == losses[1]
    assert second.ledger.count("completed") == 4


KINDS = pytest.mark.parametrize(
    "workers", [{"max_concurrent": 2}, {"workers_per_trial": 2}], ids=["one", "two"]
)
"""A worker alone, and a group of two."""


@KINDS
def test_a_trial_that_fails_is_a_row_and_the_others_go_on(
    run_space: RunSpace, workers: dict[str, int]
) -> None:
    finished = run_space(
        'SPACE = Ablation(base={"model.name": "mlp", "train.epochs": 2},'
        ' axes={"optimizer.lr": [0.1, 1e30, 0.05]})',
        **workers,
    )
    rows = open_results(finished.store).trials(finished.sweep)
    by_lr = {row["config.optimizer.lr"]: row for row in rows}
    assert by_lr[1e30]["status"] == "failed"
    assert "must be finite" in by_lr[1e30]["status_reason"]
    assert "TrialError" in by_lr[1e30]["error"]
    assert by_lr[1e30]["cause"] == "nan"
    assert by_lr[0.05]["status"] == by_lr[0.1]["status"] == "completed"
    assert finished.exit_code == 1


def test_a_sweep_whose_first_trials_fail_alike_ends(run_space: RunSpace) -> None:
    finished = run_space(
        'SPACE = Ablation(base={"model.name": "mlp", "optimizer.lr": 1e30},'
        ' axes={"model.hidden": [8, 16]}, seeds=20)',
        max_concurrent=2,
    )
    assert finished.ending.reason.startswith("the first 3 trials failed: train.loss")
    assert finished.ending.is_hopeless
    assert finished.ledger.count("failed") < 10
    assert finished.exit_code == 1


def test_data_that_a_joined_cluster_lacks_is_found_before_anything_is_written(
    run_space: RunSpace, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="must be a folder"):
        run_space(
            'SPACE = Ablation(axes={"optimizer.lr": [0.1]})',
            "data.name=mnist",
            f"data.root={tmp_path / 'nothing'}",
        )
    assert Store(str(tmp_path / "runs")).sweeps() == []


ASHA_SPACE = """
SPACE = Search(
    base={"model.name": "mlp", "model.hidden": 8},
    axes={"optimizer.lr": log_uniform(1e-4, 1.0)},
    trials=12, sampler="random",
    scheduler=ASHA(max_epochs=4, grace_epochs=1, reduction_factor=2),
)
"""


@KINDS
def test_asha_stops_trials_early_and_completes_the_best(
    run_space: RunSpace, workers: dict[str, int]
) -> None:
    finished = run_space(ASHA_SPACE, **workers)
    rows = open_results(finished.store).trials(finished.sweep)
    assert len(rows) == 12
    statuses = {row["status"] for row in rows}
    assert statuses == {"completed", "stopped"}
    for row in rows:
        is_full = row["num_epochs"] == 4
        assert (row["status"] == "completed") == is_full
        assert row["checkpoint"]
        assert row["num_parameters"] == 8 * 65 + 8 * 9 + 10 * 9
        assert 1 <= row["best_epoch"] <= row["num_epochs"]
        assert row["best.val.accuracy"] >= row["val.accuracy"]
    tested = open_results(finished.store).sql("select trial from test_results")
    assert sorted(tested["trial"].to_pylist()) == sorted(
        row["trial"] for row in rows if row["status"] == "completed"
    )
    assert finished.exit_code == 0


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_is_repeated_by_its_seed(run_space: RunSpace, sampler: str) -> None:
    space = ASHA_SPACE.replace('"random"', f'"{sampler}"').replace("12", "3")
    first = run_space(space)
    second = run_space(space, is_fresh=True)
    assert list(first.ledger.entries) == list(second.ledger.entries)
