"""What a disk or a clock has done to a sweep between two sessions; nothing is lost."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from raypg.entries import Entry
from raypg.progress import Lines
from raypg.results import SweepWriter, open_results
from tests.cluster.aged import Interrupt, interrupt_after
from tests.cluster.calm import calm_curves, curves
from tests.cluster.damage import flip_a_byte, tear_epochs
from tests.conftest import RunSpace, resume

__all__ = ["interrupt_after"]

pytestmark = pytest.mark.slow

NUM_EPOCHS = 12
BASE = {
    "model.name": "densenet",
    "model.depth": 10,
    "model.growth_rate": 4,
    "train.epochs": NUM_EPOCHS,
    "data.fraction": 0.2,
}
RATES = [0.05, 0.1]
SPACE = f"SPACE = Ablation(base={BASE}, axes={{'optimizer.lr': {RATES}}})"


def nothing(sweep: Path) -> None:
    """All is as it was left."""


@pytest.mark.parametrize(
    ("damage", "said", "hours"),
    [
        (flip_a_byte, "state.pt must have", 0),
        (tear_epochs, "bytes are torn and left out", 0),
        (nothing, "", -2),
    ],
    ids=["a corrupted checkpoint", "a torn segment", "a clock that went back"],
)
def test_a_sweep_goes_on_whole(
    run_space: RunSpace,
    interrupt_after: Interrupt,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[Path], None],
    said: str,
    hours: int,
) -> None:
    interrupt_after(0, epoch=3)
    with monkeypatch.context() as patch:
        # As a driver leaves its tables that is killed.
        patch.setattr(SweepWriter, "_compact", lambda *_, **__: None)
        broken = run_space(SPACE, checkpoint_every_s=0.0)
    interrupt_after()
    assert broken.exit_code == 130
    assert broken.ledger.count("interrupted") == 1  # not done before the signal
    damage(Path(broken.store.path(broken.sweep)))
    capsys.readouterr()
    now, now_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: now() + 3600 * hours)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 3600 * hours * 10**9)
    finished = resume(broken)
    assert finished.exit_code == 0
    assert said in capsys.readouterr().err
    calm = calm_curves(BASE, [{"optimizer.lr": lr} for lr in RATES])
    assert curves(finished.store, finished.sweep) == calm
    rows = open_results(finished.store).trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * len(RATES)


def test_a_clock_that_goes_back_while_a_sweep_runs_changes_no_row(
    run_space: RunSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours, now, now_ns = 0, time.time, time.time_ns

    def go_back(_: Lines, entry: Entry, metrics: Mapping[str, float]) -> None:
        nonlocal hours
        if (entry.number, entry.epoch) == (0, 3):
            hours = -2

    monkeypatch.setattr(Lines, "on_epoch", go_back)
    monkeypatch.setattr(time, "time", lambda: now() + 3600 * hours)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() + 3600 * hours * 10**9)
    finished = run_space(SPACE, checkpoint_every_s=0.0)
    assert (finished.exit_code, hours) == (0, -2)
    calm = calm_curves(BASE, [{"optimizer.lr": lr} for lr in RATES])
    assert curves(finished.store, finished.sweep) == calm
    rows = open_results(finished.store).trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * len(RATES)
