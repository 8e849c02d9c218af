"""A store whose disk is full when something is to be written: training goes on."""

import threading

import pytest

from raypg.results import SweepWriter, open_results
from tests.cluster.calm import curves
from tests.cluster.processes import wait_until
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


LONG = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 1000},
    axes={"optimizer.lr": [0.05, 0.1]},
)
"""


def test_rows_wait_for_room_and_none_is_lost_or_doubled(
    run_space: RunSpace,
    small_disk: SmallDisk,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm = run_space(LONG, max_concurrent=2)
    store = small_disk.folder / "runs"
    note, is_noted = SweepWriter._note_failure, threading.Event()

    def noted(writer: SweepWriter, problem: str) -> None:
        note(writer, problem)
        is_noted.set()

    def fill_for_a_while() -> None:
        wait_until(lambda: any(store.glob("*/tables/epochs/*.arrows")))
        small_disk.fill()
        is_noted.wait(timeout=60)
        small_disk.free()

    monkeypatch.setattr(SweepWriter, "_note_failure", noted)
    capfd.readouterr()
    thread = threading.Thread(target=fill_for_a_while)
    thread.start()
    finished = run_space(
        LONG, store=str(store), checkpoint_every_s=1e9, max_concurrent=2
    )
    thread.join()
    assert ": rows wait to be written: " in capfd.readouterr().err
    assert finished.exit_code == 0
    found = curves(finished.store, finished.sweep)
    assert found == curves(calm.store, calm.sweep)
