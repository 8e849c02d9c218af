"""A worker that hangs is replaced: no row is lost, the numbers are the calm run's."""

import pytest

from tests.cluster.faulty import Plan, plan_faults
from tests.cluster.processes import wait_for_nothing_left
from tests.cluster.test_retry import column, losses, rows_of
from tests.conftest import RunSpace

__all__ = ["plan_faults"]

pytestmark = pytest.mark.slow

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 3},
    axes={"model.hidden": [8, 16, 24]},
)
"""
SOON = {"hang_timeout_s": 6.0, "checkpoint_every_s": 0.0}


def test_who_hangs_or_is_stopped_is_replaced_and_three_times_is_a_failed_trial(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    calm = losses(run_space(SPACE))
    plan_faults({8: "hang once", 16: "stop once", 24: "stuck"})
    finished = run_space(SPACE, is_fresh=True, max_concurrent=3, **SOON)
    rows = rows_of(finished)
    assert column(rows, "status") == ["completed", "completed", "failed"]
    hidden_8, hidden_16, hidden_24 = column(rows, "attempt")
    # A busy machine may be silent for as long once more.
    assert hidden_8 >= 1
    assert hidden_16 >= 1
    assert hidden_24 == 2
    failed = rows[24]
    assert failed["status_reason"] == "its process hung 3 times after epoch 0"
    assert failed["cause"] == "hang"
    assert "time.sleep(3600)" in failed["user_traceback"]
    found = losses(finished)
    assert failed["trial"] not in found
    assert found == {trial: calm[trial] for trial in found}
    assert len(found) == 2
    wait_for_nothing_left()


def test_a_group_with_a_worker_that_hangs_is_replaced(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({8: "hang once 0", 16: "stop once 1"})
    space, two = SPACE.replace(", 24", ""), {"workers_per_trial": 2}
    finished = run_space(space, **two, **SOON)
    rows = rows_of(finished)
    assert column(rows, "status") == ["completed", "completed"]
    # A busy machine may be silent for as long once more.
    assert min(column(rows, "attempt")) >= 1
    for curve in losses(finished).values():
        assert [epoch for epoch, _ in curve] == [1, 2, 3]
    wait_for_nothing_left()
