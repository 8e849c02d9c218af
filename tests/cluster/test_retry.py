"""What failed runs again where it is asked for; what ended well does not."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster.sweep import Finished
from raypg.results import open_results
from raypg.tune import main
from tests.cluster.faulty import Plan, plan_faults
from tests.command import Command
from tests.conftest import RunSpace, resume

__all__ = ["plan_faults"]

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 3},
    axes={"model.hidden": [8, 16, 24]},
)
"""
HIDDEN = "config.model.hidden"
Rows = dict[int, dict[str, Any]]


def rows_of(finished: Finished) -> Rows:
    """The rows of `trials` by width."""
    rows = open_results(finished.store).trials(finished.sweep)
    found = {row[HIDDEN]: row for row in rows}
    assert len(found) == len(rows)
    return found


def column(rows: Rows, name: str) -> list[Any]:
    return [rows[hidden][name] for hidden in sorted(rows)]


def epochs_of(finished: Finished) -> dict[str, list[tuple[int, int, float]]]:
    """Epoch, attempt and loss of every row of `epochs`, by trial."""
    found: dict[str, list[tuple[int, int, float]]] = {}
    for row in open_results(finished.store).epochs(finished.sweep):
        own = (row["epoch"], row["attempt"], row["val.loss"])
        found.setdefault(row["trial"], []).append(own)
    return found


def losses(finished: Finished) -> dict[str, list[tuple[int, float]]]:
    rows = epochs_of(finished)
    return {trial: [(e, loss) for e, _, loss in rows[trial]] for trial in rows}


def test_failed_trials_run_again_and_finished_ones_do_not(
    run_space: RunSpace, plan_faults: Plan, tmp_path: Path
) -> None:
    plan_faults({8: "nan", 16: "code"})
    finished = run_space(SPACE)
    first = rows_of(finished)
    assert column(first, "status") == ["failed", "failed", "completed"]
    assert column(first, "cause") == ["nan", "code", None]
    assert finished.exit_code == 1
    plan_faults({})
    left = resume(finished)
    assert (rows_of(left), left.exit_code) == (first, 1)
    some = resume(finished, retry_failed="code")
    assert column(rows_of(some), "status") == ["failed", "completed", "completed"]
    assert some.exit_code == 1
    whole = resume(finished, retry_failed="all")
    last = rows_of(whole)
    assert column(last, "status") == ["completed"] * 3
    assert column(last, "attempt") == [1, 1, 0]
    assert column(last, "number") == column(first, "number")
    for name in ("cause", "error", "user_traceback", "status_reason"):
        assert column(last, name) == [None] * 3
    assert last[24] == first[24]
    assert whole.exit_code == 0
    calm = run_space(SPACE, store=str(tmp_path / "calm"))
    assert losses(whole) == losses(calm)
    assert [[e for e, _ in one] for one in losses(whole).values()] == [[1, 2, 3]] * 3


def test_a_trial_that_runs_again_goes_on_from_its_checkpoint(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({16: "out_of_memory"})
    finished = run_space(SPACE, checkpoint_every_s=0.0)
    failed = rows_of(finished)[16]
    assert (failed["cause"], failed["num_epochs"]) == ("out_of_memory", 1)
    plan_faults({})
    again = resume(finished, retry_failed="out_of_memory")
    found = epochs_of(again)[failed["trial"]]
    assert [(epoch, attempt) for epoch, attempt, _ in found] == [(1, 0), (2, 1), (3, 1)]
    assert again.exit_code == 0


def test_a_trial_may_fail_again_for_another_cause(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({8: "data"})
    finished = run_space(SPACE)
    assert rows_of(finished)[8]["cause"] == "data"
    plan_faults({8: "code"})
    again = resume(finished, retry_failed="data")
    failed = rows_of(again)[8]
    assert (failed["cause"], failed["attempt"]) == ("code", 1)
    assert failed["status_reason"] == "ValueError: made to fail"
    assert again.exit_code == 1


def test_the_recorded_traceback_is_the_users_own(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({24: "code"})
    failed = rows_of(run_space(SPACE))[24]
    assert "raypg/training/loop.py" in failed["error"]
    head, *frames, last = failed["user_traceback"].splitlines()
    assert head == "Traceback (most recent call last):"
    files = [line for line in frames if line.startswith("  File")]
    assert len(files) == 2
    assert all("tests/cluster/faulty.py" in line for line in files)
    assert last == "ValueError: made to fail"


@pytest.mark.slow
def test_a_worker_that_is_killed_each_time_is_a_cause_of_its_own(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({8: "worker_lost"})
    finished = run_space(SPACE)
    failed = rows_of(finished)[8]
    # Its last report may have been on its way when the process was killed.
    assert re.match(r"its process died \d+ times after epoch ", failed["status_reason"])
    assert failed["cause"] == "worker_lost"
    assert failed["attempt"] >= 1
    plan_faults({})
    again = resume(finished, retry_failed="worker_lost")
    found = epochs_of(again)[failed["trial"]]
    assert [epoch for epoch, _, _ in found] == [1, 2, 3]
    assert again.exit_code == 0


SEARCH = """
SPACE = Search(
    base={"model.name": "mlp"}, axes={"model.hidden": choice(8, 12, 16, 20, 24, 28)},
    trials=6, sampler="random",
    scheduler=ASHA(max_epochs=4, grace_epochs=2, reduction_factor=2),
)
"""


@pytest.mark.slow
def test_a_failed_trial_of_a_search_runs_again_under_its_scheduler(
    run_space: RunSpace, plan_faults: Plan
) -> None:
    plan_faults({8: "code", 20: "nan"})
    finished = run_space(SEARCH)
    assert finished.ledger.count("failed") == 2
    plan_faults({})
    again = resume(finished, retry_failed="all")
    rows = rows_of(again)
    assert sorted(rows) == [8, 12, 16, 20, 24, 28]
    assert set(column(rows, "status")) <= {"completed", "stopped"}
    found = epochs_of(again)
    for row in rows.values():
        expected = list(range(1, row["num_epochs"] + 1))
        assert [epoch for epoch, _, _ in found[row["trial"]]] == expected
    assert again.exit_code == 0


def test_the_command_that_a_sweep_ends_with_runs_its_failures_again(
    cluster: None,
    plan_faults: Plan,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "space.py").write_text(f"from raypg import *\n{SPACE}")
    monkeypatch.chdir(tmp_path)
    tune = Command(main, str(tmp_path / "runs"), capsys, monkeypatch)
    plan_faults({8: "code"})
    said = tune("space.py")
    where = f"--store {tmp_path / 'runs'}"
    assert said.code == 1
    why = f"Failed: code 1. Why: python -m raypg.results show space {where}\n"
    assert why in said.err
    hint = f"Run them again with: python -m raypg.tune --resume space {where}"
    assert f"{hint} --retry-failed\n" in said.err
    plan_faults({})
    command = said.err.split("Run them again with: ")[1].splitlines()[0]
    again = tune(*shlex.split(command)[3:])
    assert again.code == 0
    assert "failed trials that run again: 1" in again.err
    assert "Failed:" not in again.err
