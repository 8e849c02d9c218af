"""A store whose disk is full when a checkpoint is due: training goes on without it."""

import pytest

from raypg.results import open_results
from tests.cluster.test_retry import losses
from tests.conftest import RunSpace
from tests.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]

pytestmark = pytest.mark.slow

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 2048, "train.epochs": 4},
    axes={"optimizer.lr": [0.05, 0.1]},
)
"""


def test_trials_without_room_for_checkpoints_are_trained_to_the_end(
    run_space: RunSpace, small_disk: SmallDisk
) -> None:
    calm = losses(run_space(SPACE))
    small_disk.fill(free_bytes=300_000)  # a checkpoint takes more, the tables do not
    finished = run_space(
        SPACE, store=str(small_disk.folder / "runs"), checkpoint_every_s=0.0
    )
    rows = open_results(finished.store).trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * 2
    for row in rows:
        assert "could not be written" in row["status_reason"]
    assert losses(finished) == calm
