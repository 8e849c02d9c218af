"""Warm and cold, one worker and a group: the same bits; nothing stays behind."""

from pathlib import Path

import pytest
import ray

from raypg.cluster.sweep import Finished
from raypg.results import open_results
from tests.cluster.processes import wait_for_nothing_left
from tests.conftest import RunSpace
from tests.numbers import everything

# Dropout and augmentation draw from generators; batch norm keeps buffers: whatever one
# trial can leave to the next is in these.
MIXED = """
SPACE = Ablation(
    base={"train.epochs": 2, "data.fraction": 0.2, "data.crop_padding": 1},
    axes={"model.name": ["cnn", "densenet", "mlp"],
          "train.precision": ["bf16", "fp32", "fp16"]},
    design="zip", seeds=2,
)
"""


FEWER = MIXED.replace("seeds=2", "seeds=1")
"""For cold groups of two, of which each trial costs one."""


def numbers(finished: Finished, num_trials: int = 6) -> str:
    """Of all trials: curves, predictions and test results."""
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * num_trials
    return everything(results, finished.sweep)


def losses(finished: Finished) -> dict[tuple[str, int], list[float]]:
    """The validation losses of every trial, epoch by epoch, by arm and seed."""
    rows = open_results(finished.store).sql(
        "select arm, seed, list(epochs.val.loss order by epoch) as losses from epochs"
        " join trials using (sweep, trial) group by all",
        sweeps=[finished.sweep],
    )
    return {(row["arm"], row["seed"]): row["losses"] for row in rows.to_pylist()}


def test_a_trial_after_others_is_bitwise_the_trial_run_cold(
    run_space: RunSpace,
) -> None:
    warm = numbers(run_space(MIXED))
    cold = numbers(run_space(MIXED, is_fresh=True, trials_per_worker=1))
    assert warm == cold
    wait_for_nothing_left()


def test_a_group_of_one_is_bitwise_one_worker(run_space: RunSpace) -> None:
    alone = numbers(run_space(MIXED, max_concurrent=2))
    group = numbers(run_space(MIXED, is_fresh=True, uses_group=True))
    assert alone == group
    wait_for_nothing_left()


@pytest.mark.slow
def test_two_workers_after_others_are_bitwise_two_fresh_ones(
    run_space: RunSpace,
) -> None:
    two = {"workers_per_trial": 2}
    warm = numbers(run_space(FEWER, **two), 3)
    cold = numbers(run_space(FEWER, is_fresh=True, trials_per_worker=1, **two), 3)
    assert warm == cold
    wait_for_nothing_left()


@pytest.mark.parametrize("uses_group", [False, True])
def test_workers_are_replaced_after_so_many_trials(
    run_space: RunSpace, uses_group: bool
) -> None:
    finished = run_space(
        'SPACE = Ablation(base={"model.name": "mlp", "train.epochs": 1},'
        ' axes={"model.hidden": [8]}, seeds=5)',
        trials_per_worker=2,
        uses_group=uses_group,
    )
    rows = open_results(finished.store).trials(finished.sweep)
    pids = [row["pid"] for row in sorted(rows, key=lambda row: row["number"])]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_two_workers_train_a_trial_together(run_space: RunSpace) -> None:
    space = """
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 2}, axes={"optimizer.lr": [0.05, 0.1]}
)
"""
    two = run_space(space, workers_per_trial=2)
    one = run_space(space)
    rows = open_results(two.store).trials(two.sweep)
    assert {row["num_workers"] for row in rows} == {2}
    by_arm = losses(one)
    for key, values in losses(two).items():
        assert values == pytest.approx(by_arm[key], abs=1e-4)
    assert set(two.ledger.entries).isdisjoint(one.ledger.entries)
    wait_for_nothing_left()
    assert ray.is_initialized()


def test_a_store_path_with_spaces_works(run_space: RunSpace, tmp_path: Path) -> None:
    finished = run_space(
        'SPACE = Ablation(base={"model.name": "mlp", "train.epochs": 1},'
        ' axes={"model.hidden": [8]})',
        store=str(tmp_path / "my runs"),
    )
    assert finished.exit_code == 0
