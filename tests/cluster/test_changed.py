"""Code that changes in the middle of a sweep is refused, or recorded where allowed."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster.sweep import Finished
from raypg.errors import StoreError
from raypg.provenance import provenance
from raypg.results import open_results
from raypg.results.__main__ import main
from tests.cluster.aged import Edit, Interrupt, edit_code, interrupt_after
from tests.command import Command
from tests.conftest import RunSpace, resume
from tests.repositories import checkout, run_git

__all__ = ["checkout", "edit_code", "interrupt_after"]

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "train.epochs": 4},
    axes={"optimizer.lr": [0.05, 0.1]}, seeds=2,
)
"""
FILE = "raypg/optim/__init__.py"


def rows_of(finished: Finished) -> list[dict[str, Any]]:
    return open_results(finished.store).trials(finished.sweep)


@pytest.fixture
def broken(
    run_space: RunSpace, edit_code: Edit, interrupt_after: Interrupt
) -> Finished:
    """A sweep whose first trial has ended, whose second one has begun, and new code."""
    interrupt_after(1, epoch=2)
    first = run_space(SPACE, checkpoint_every_s=0.0)
    interrupt_after()
    edit_code("new")
    return first


def test_changed_code_is_refused_with_all_that_has_changed(broken: Finished) -> None:
    rows = rows_of(broken)
    assert {row["status"] for row in rows} <= {"completed", "interrupted"}
    some = rf"changes in {FILE} \({len(rows)} of {len(rows)} trials\)\. Start a new"
    with pytest.raises(StoreError, match=rf"--resume space: .*{some}.*--allow-changed"):
        resume(broken)
    assert rows_of(broken) == rows


def test_changed_data_are_refused(
    run_space: RunSpace, interrupt_after: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(1, epoch=2)
    first = run_space(SPACE)
    interrupt_after()
    prints = importlib.import_module("raypg.config.fingerprint")
    monkeypatch.setattr(prints, "_known_version", lambda _: "another")
    with pytest.raises(StoreError, match=r"changes in digits data \("):
        resume(first)


def test_a_new_sweep_says_which_file_made_trials_stale(
    run_space: RunSpace, edit_code: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    run_space(SPACE)
    edit_code("new")
    again = run_space(SPACE)
    assert f"{FILE} has changed: 4 of the store's trials are stale" in (
        capsys.readouterr().err.splitlines()
    )
    assert [row["status"] for row in rows_of(again)] == ["completed"] * 4


def test_an_allowed_change_is_recorded_and_claims_nothing_of_old_code(
    broken: Finished,
    run_space: RunSpace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {row["trial"]: row for row in rows_of(broken)}
    capsys.readouterr()
    went_on = resume(broken, allow_changed=True)
    assert f"changed: {FILE}; what has ended stays" in capsys.readouterr().err
    rows = rows_of(went_on)
    assert went_on.exit_code == 0
    ended = [row for row in rows if row["status"] == "completed"]
    assert sorted(row["number"] for row in ended) == [0, 1, 2, 3]
    for row in ended:
        if row["trial"] in before:
            assert row == before[row["trial"]]
        else:
            assert '"raypg/optim/__init__.py": "new"' in row["fingerprint.code"]
    (mixed,) = [row for row in rows if row["mixed"]]
    assert mixed["mixed"] == FILE
    assert before[mixed["began_as"]]["status"] == "interrupted"
    (left,) = [row for row in rows if row["status"] == "replaced"]
    assert left["trial"] == mixed["began_as"]
    epochs = open_results(went_on.store).epochs(went_on.sweep)
    found = sorted((row["trial"], row["epoch"]) for row in epochs)
    assert found == sorted((row["trial"], e) for row in ended for e in (1, 2, 3, 4))
    (change,) = went_on.store.read_description(went_on.sweep)["changes"]
    assert change["parts"] == {FILE: {"from": ["old"], "to": ["new"]}}
    show = Command(main, went_on.store.uri, capsys, monkeypatch)("show", "space")
    assert f"({len(before)} trials are from before): {FILE}\n" in show.out
    assert "begun before a change and gone on after it: 1 (column mixed)" in show.out
    # Nobody else is given what two versions have trained.
    other = run_space(SPACE, name="other")
    assert mixed["trial"] in {
        row["trial"] for row in rows_of(other) if row["status"] == "completed"
    }


def test_each_trial_names_the_code_that_trained_it(
    checkout: Path,
    run_space: RunSpace,
    edit_code: Edit,
    interrupt_after: Interrupt,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def edit(version: str) -> None:
        edit_code(version)
        (checkout / FILE).parent.mkdir(parents=True, exist_ok=True)
        (checkout / FILE).write_text(f"{version}\n")
        provenance.cache_clear()

    edit("old")
    interrupt_after(1, epoch=2)
    first = run_space(SPACE, checkpoint_every_s=0.0)
    interrupt_after()
    edit("new")
    run_git(checkout, "commit", "--quiet", "--allow-empty", "--message", "y")
    provenance.cache_clear()
    went_on = resume(first, allow_changed=True)
    store, sweep, rows = went_on.store, went_on.sweep, rows_of(went_on)
    assert {row["git.diff"] for row in rows} == {"code.diff", "code-2.diff"}
    commits = {row["git.diff"]: row["git.commit"] for row in rows}
    assert len(set(commits.values())) == 2
    for row in rows:
        version = json.loads(row["fingerprint.code"])[FILE]
        assert f"+{version}\n".encode() in store.read(f"{sweep}/{row['git.diff']}")
        assert row["git.commit"] == commits[row["git.diff"]]
    (change,) = store.read_description(sweep)["changes"]
    assert change["git.diff"] == "code-2.diff"
    results = Command(main, store.uri, capsys, monkeypatch)
    since = f"trained since then by commit {change['git.commit'][:12]} with code-2.diff"
    assert f"{since}\n" in results("show", sweep).out
    (mixed,) = [row for row in rows if row["mixed"]]
    said = results("reproduce", mixed["trial"])
    before = f"begun by commit {commits['code.diff'][:12]} with "
    assert before in said.err
    assert f"{store.path(sweep, 'code-2.diff')}. None helps." in said.err
    # What the store answers was trained by the code that trained it.
    edit_code("old")
    other = run_space(SPACE, name="other")
    (cached,) = [row for row in rows_of(other) if row["status"] == "cached"]
    assert (cached["git.diff"], cached["git.commit"]) == (
        "code.diff",
        commits["code.diff"],
    )
