"""Warm workers that are gone, or fail, just as they are given their next trial."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster import trainable
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import LocalTrainable
from raypg.results import open_results
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
    finished = run_space(SPACE, max_concurrent=1)
    assert not (tmp_path / "fault").exists()
    results = open_results(finished.store)
    rows = results.trials(finished.sweep)
    assert [row["status"] for row in rows] == ["completed"] * 3
    found = sorted((e["trial"], e["epoch"]) for e in results.epochs(finished.sweep))
    assert found == sorted((row["trial"], epoch) for row in rows for epoch in (1, 2))
    assert finished.exit_code == 0
