"""A trial is trained again from its row, and held against what was stored."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raypg.patches import CHANGES
from raypg.results import open_results, write_predictions
from raypg.results.__main__ import main as results_main
from raypg.store import Store
from raypg.studies.changes import find_changes, find_code
from raypg.studies.reproduce import BITWISE, find_row, reproduce
from tests.cluster.processes import wait_until
from tests.command import Command
from tests.conftest import RunSpace
from tests.repositories import checkout
from tests.results.sweeps import write

__all__ = ["checkout"]

SHORT = ("data.fraction=0.2", "train.epochs=3", "--threads", "1")
TINY = ("model.name=mlp", "model.hidden=16", *SHORT)


def row_of(store: str, sweep: str = "train") -> Mapping[str, Any]:
    (row,) = open_results(store).trials(sweep)
    return row


@pytest.fixture
def results(train: Command) -> Command:
    """`python -m raypg.results`, in the store of `train`."""
    return Command(results_main, train.store, train.capsys, train.monkeypatch)


@pytest.mark.parametrize("name", ["mlp", "cnn", "densenet"])
def test_a_trial_is_bitwise_the_same_again(
    name: str, train: Command, results: Command
) -> None:
    train(f"model.name={name}", *SHORT)
    said = results("reproduce", row_of(train.store)["trial"][:8])
    assert said.code == 0
    assert ": bitwise the same\n" in said.out
    parts = "every epoch, validation predictions, test results"
    assert f"the same to the last bit: {parts}" in said.out


def perturb(store: str, **changes: float) -> None:
    """The first epoch and the trial's row, as another machine might have left them."""
    named = {name.replace("__", "."): change for name, change in changes.items()}
    (first, *_) = open_results(store).epochs("train")
    own = {n: v for n, v in first.items() if v is not None and n != "sweep"}
    own |= {"attempt": 1}
    own |= {name: own[name] + change for name, change in named.items()}
    trial = {n: v for n, v in row_of(store).items() if v is not None and n != "sweep"}
    trial |= {name: trial[name] + change for name, change in named.items()}
    write(Store(store), "train", epochs=[own], trials=[trial])


def test_a_difference_on_a_few_images_is_chance(
    train: Command, results: Command
) -> None:
    train(*TINY)
    store, trial = Store(train.store), row_of(train.store)["trial"]
    found = open_results(store).sql("from predictions order by example")
    labels = found["label"].to_numpy()
    predicted = np.array(found["probabilities"].to_pylist()).argmax(1)
    wrong = np.flatnonzero(predicted != labels)[:2]
    changed = predicted.copy()
    changed[wrong] = labels[wrong]
    write_predictions(
        store, "train", trial, 1, probabilities_NK=np.eye(10)[changed], labels_N=labels
    )
    perturb(train.store, val__accuracy=2 / len(labels))
    said = results("reproduce", trial)
    assert said.code == 0
    assert ": same within noise\n" in said.out
    assert "not the same: every epoch, validation predictions, from epoch" in said.out
    assert "2 and 0 images that one of both alone has right (McNemar)" in said.out


def test_a_large_difference_is_different_and_code_1(
    train: Command, results: Command
) -> None:
    train(*TINY)
    perturb(train.store, val__accuracy=0.4)
    said = results("reproduce", row_of(train.store)["trial"], "--format", "json")
    assert said.code == 1
    (row,) = json.loads(said.out)
    assert row["verdict"] == "different"
    assert row["after"] - row["before"] == pytest.approx(-0.4, abs=1e-6)
    assert row["first_epoch"] == 1


def test_a_trial_that_was_stopped_is_trained_as_far_as_it_came(train: Command) -> None:
    train(*TINY)
    store = train.store
    kept = dict(row_of(store)) | {"status": "stopped", "num_epochs": 2}
    row = {name: value for name, value in kept.items() if value is not None}
    found = reproduce(open_results(store), row, "val.loss", lambda line: None)
    assert found.same == []
    assert found.first_epoch == 3  # of which the tables here have one more
    lines: list[str] = []
    reproduce(open_results(store), row, "val.loss", lines.append)
    assert lines == [f"epoch {epoch} of 2 trained again" for epoch in (1, 2)]


def test_what_has_changed_is_named(train: Command) -> None:
    train(*TINY)
    row = dict(row_of(train.store)) | {
        "versions.torch": "1.0",
        "processor": "Z80",
        "git.dirty": True,
        "fingerprint.code": json.dumps({"raypg/old.py": "1"}),
    }
    told = "\n".join(find_changes(open_results(train.store), row))
    assert "raypg/old.py" in told
    assert "versions.torch 1.0 → " in told
    assert "processor Z80 → " in told
    assert "its code had changes beside its commit (" in told


def test_the_code_that_trained_a_trial_is_told(
    checkout: Path, train: Command, results: Command
) -> None:
    (checkout / "raypg" / "optim.py").write_text("lr = 0.1\n")
    (checkout / "raypg" / "mine.py").write_text("x = 1\n" * 200_000)
    assert "raypg/mine.py (" in train(*TINY).err
    row, store = row_of(train.store), Store(train.store)
    assert row["git.diff"] == CHANGES
    assert b"+lr = 0.1" in store.read(f"train/{CHANGES}")
    said = results("reproduce", row["trial"])
    patch = store.path("train", CHANGES)
    assert f"trained by commit {row['git.commit'][:12]} with {patch} (" in said.out
    assert "(without raypg/mine.py (1." in said.out
    assert f"its code had changes beside its commit (kept in {patch})" in said.out


def test_changes_of_which_none_is_kept_are_told(
    checkout: Path, train: Command, results: Command
) -> None:
    (checkout / "raypg" / "optim.py").write_text("x" * 1_000_001)
    train(*TINY)
    row = row_of(train.store)
    assert row["git.diff"] == ""
    said = results("reproduce", row["trial"])
    assert f"{row['git.commit'][:12]} with changes that are not kept\n" in said.out


def test_a_store_of_before_names_the_one_patch_that_it_has(
    checkout: Path, train: Command
) -> None:
    train(*TINY)
    results = open_results(train.store)
    old = {**row_of(train.store), "git.dirty": True, "git.diff": None}
    assert "changes that are not kept" in find_code(results, old)
    results.store.write_whole(f"train/{CHANGES}", b"diff --git a/x b/x\n")
    assert find_code(results, old).endswith(results.store.path("train", CHANGES))


def test_check_reproduces_some_trials_of_a_sweep(
    train: Command, results: Command
) -> None:
    train(*TINY)
    said = results("check", "train", "--sample", "5", "--format", "json")
    assert said.code == 0
    assert [row["verdict"] for row in json.loads(said.out)] == [BITWISE]
    assert "epoch 3 of 3 trained again" in said.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["reproduce", "ffff"], "must start the id of one trial; found 0 that start"),
        (["reproduce", ""], "must start the id of one trial; found 2"),
        (["reproduce", "bad"], "must have ended well to be trained again; found fail"),
        (["check", "trian"], 'Did you mean "train"'),
        (["check", "lost"], "must have a trial that it completed itself"),
    ],
)
def test_what_cannot_be_trained_again_is_one_line_and_exit_code_2(
    train: Command, results: Command, arguments: list[str], found: str
) -> None:
    train(*TINY)
    store = Store(train.store)
    store.create_sweep("lost")
    store.write_description("lost", {"kind": "trial"})
    write(store, "lost", trials=[{"trial": "bad0", "status": "failed", "seed": 0}])
    said = results(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert found in said.err


def test_a_trial_of_two_versions_of_the_code_is_refused(
    train: Command, results: Command
) -> None:
    train(*TINY)
    row = {n: v for n, v in row_of(train.store).items() if v is not None}
    trial = {name: value for name, value in row.items() if name != "sweep"}
    write(Store(train.store), "train", trials=[trial | {"mixed": "loop.py"}])
    said = results("reproduce", row["trial"])
    assert said.code == 2
    assert "loop.py changed on its way" in said.err


@pytest.mark.slow
def test_a_trial_of_a_sweep_is_the_same_again_with_one_worker_and_with_two(
    run_space: RunSpace,
) -> None:
    base = {"model.name": "mlp", "train.epochs": 2}
    space = f"SPACE = Ablation(base={base}, axes={{'model.hidden': [8]}}, seeds=2)"
    one = run_space(space, name="one")
    two = run_space(space, name="two", workers_per_trial=2)
    wait_until(lambda: open_results(two.store).trials("two"))
    for finished in (one, two):
        results = open_results(finished.store)
        row = find_row(results, results.trials(finished.sweep)[1]["trial"])
        found = reproduce(results, row, "val.accuracy", lambda line: None)
        assert found.verdict == BITWISE, found
