"""Warm workers that are lost as they take a trial, and ones that start slowly."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster import trainable
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import LocalTrainable
from raypg.results import open_results
from tests.cluster.processes import wait_until
from tests.conftest import RunSpace

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 2}, axes={"model.hidden": [8, 16, 24]},
)
"""


class FailsAtReset(LocalTrainable):
    """Fails once, at a reset, as the file beside the store says."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        store = Assignment.from_json(new_config["assignment"]).store
        marker = Path(store).parent / "fault"
        if marker.exists():
            fault = marker.read_text()
            marker.unlink()
            if fault == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError("made to fail")
        return super().reset_config(new_config)


@pytest.mark.parametrize("fault", ["dies", "raises"])
def test_a_worker_that_is_lost_between_two_trials_costs_neither(
    run_space: RunSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(trainable, "LocalTrainable", FailsAtReset)
    (tmp_path / "fault").write_text(fault)
    finished = run_space(SPACE)
    assert not (tmp_path / "fault").exists()
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * 3
    found = sorted((e["trial"], e["epoch"]) for e in results.epochs(finished.sweep))
    assert found == sorted((row["trial"], epoch) for row in rows for epoch in (1, 2))
    assert finished.exit_code == 0


class SlowToStart(LocalTrainable):
    """The second one starts while the first is about to take its third trial."""

    def setup(self, config: dict[str, Any]) -> None:
        self._folder = Path(Assignment.from_json(config["assignment"]).store).parent
        try:
            (self._folder / "first").touch(exist_ok=False)
        except FileExistsError:
            wait_until((self._folder / "third").exists)
        super().setup(config)

    def step(self) -> dict[str, Any]:
        if self._num_trials == 1 and (self._folder / "third").exists():
            (self._folder / "second").touch()
        return super().step()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        if self._num_trials == 2:
            (self._folder / "third").touch()
            wait_until((self._folder / "second").exists)
        return super().reset_config(new_config)


def test_a_slot_that_starts_slowly_keeps_the_trial_it_starts_for(
    run_space: RunSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainable, "LocalTrainable", SlowToStart)
    finished = run_space(SPACE.replace("24]", "24, 32]"), max_concurrent=2)
    rows = open_results(finished.store).trials(finished.sweep)
    pids = [row["pid"] for row in sorted(rows, key=lambda row: row["number"])]
    assert pids[0] != pids[1]
    assert pids[2] == pids[3]
