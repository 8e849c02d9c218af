"""A trial that ASHA stops leaves within its epoch: its slot is free at once."""

from pathlib import Path

import pytest

from raypg.results import open_results
from tests.cluster.faulty import Plan, plan_faults, steps_taken
from tests.conftest import RunSpace

__all__ = ["plan_faults"]

NUM_STEPS = 20
"""Of an epoch: 120 images, six at a time."""

SPACE = """
SPACE = Search(
    base={"model.name": "mlp", "model.hidden": 8,
          "data.fraction": 0.1, "train.batch_size": 6},
    axes={"optimizer.lr": log_uniform(1e-6, 0.3)},
    trials=3, sampler="random",
    scheduler=ASHA(max_epochs=2, grace_epochs=1, reduction_factor=4),
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [1, 2])
def test_asha_stops_a_trial_inside_an_epoch(
    run_space: RunSpace, plan_faults: Plan, tmp_path: Path, num_workers: int
) -> None:
    plan_faults({8: "slow"})
    finished = run_space(SPACE, workers_per_trial=num_workers)
    rows = open_results(finished.store).trials(finished.sweep)
    stopped = [row for row in rows if row["status"] == "stopped"]
    completed = [row for row in rows if row["status"] == "completed"]
    assert (len(rows), len(stopped) + len(completed)) == (3, 3)
    assert {row["num_epochs"] for row in stopped} == {1}
    # Told in time, a stopped trial may not even begin its second epoch.
    assert steps_taken(tmp_path).count(NUM_STEPS) == len(completed) * num_workers
