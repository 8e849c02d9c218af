"""A card says what the tables say, how the trial was chosen, and what limits that."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from raypg.errors import ResultsError
from raypg.results import Results, open_results
from raypg.results.candidate import find_candidate
from raypg.results.card import write_card
from tests.command import Command
from tests.results.sweeps import Row, new_store, trial_row, write

VALUES = {"a0": 0.9, "a1": 0.8, "b0": 0.7, "b1": 0.75}
"""Trials of two arms with two seeds, and their accuracy."""


def row_of(trial: str, **columns: object) -> Row:
    given = {
        "arm": f"model.depth={trial[0]}",
        "seed": int(trial[1]),
        "val.accuracy": VALUES[trial],
        "val.loss": 0.5,
        "best_epoch": 2,
        "best.val.accuracy": 0.95,
        "num_epochs": 3,
        "num_parameters": 41314,
        "checkpoint": f"/home/me/runs/depth/checkpoints/{trial}/checkpoint_000001",
        "git.commit": "abc123",
        "git.dirty": False,
        "versions.torch": "2.15.0",
        "config.model.name": "densenet",
        "config.data.name": "digits",
        "config.schedule.milestones": [0.5, 0.75],
        "config.data.fraction": 1.0,
        "config.data.root": "",
    }
    return {**trial_row(trial), **given, **columns}


def sweep(folder: Path, rows: list[Row], **about: object) -> Results:
    store = new_store(folder, "depth", question="Does depth pay?\nYes.", **about)
    write(store, "depth", trials=rows)
    return open_results(store)


def grid(folder: Path) -> Results:
    failed = row_of("a0") | {"trial": "f0", "status": "failed", "arm": "model.depth=f"}
    return sweep(folder, [failed, *(row_of(trial) for trial in VALUES)])


def front_matter(card: str) -> dict[str, Any]:
    _, data, _ = card.split("---\n", 2)
    found: dict[str, Any] = yaml.safe_load(data)
    return found


def test_the_front_matter_is_what_hugging_face_reads(tmp_path: Path) -> None:
    data = front_matter(write_card(grid(tmp_path), "depth"))
    assert data["library_name"] == "pytorch"
    assert data["tags"] == ["image-classification", "raypg", "densenet"]
    assert data["metrics"] == ["accuracy", "loss"]
    assert "license" not in data
    (index,) = data["model-index"]
    assert index["name"] == "depth-a0"
    (result,) = index["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {
        "name": "digits",
        "type": "digits",
        "split": "validation",
    }
    accuracy = {"type": "accuracy", "value": 0.9, "name": "val.accuracy"}
    assert result["metrics"][0] == accuracy


def test_the_best_trial_is_shown_with_how_it_was_chosen(tmp_path: Path) -> None:
    card = write_card(grid(tmp_path), "depth")
    assert "# densenet on digits: trial a0\n" in card
    assert "| parameters | 41,314 |" in card
    assert "| schedule.milestones | [0.5,0.75] |" in card
    assert "| val.accuracy | 90.00 % | 95.00 % |" in card
    assert "| weights | depth/checkpoints/a0/checkpoint_000001 |" in card
    assert "/home/me" not in card
    assert "among 4 trials of 2 configs that completed (and 1 failed)." in card
    interval = "is 85.00 % in the mean (95 % interval 21.47 % to 148.53 %)"
    assert (
        f"Over the 2 seeds of its config val.accuracy at the last epoch {interval}"
        in (card.replace("\n", " "))
    )
    assert "- It is the best of 2 seeds of its config: 90.00 %" in card
    assert "- Being the best of 4 trials, the number flatters." in card
    assert 'of the ablation depth that asks: "Does depth pay?"' in card
    assert "test" not in card.lower().replace("latest", "")


def test_a_trial_that_is_named_was_not_chosen(tmp_path: Path) -> None:
    card = write_card(grid(tmp_path), "depth", "b0")
    assert "It was named, not chosen" in card
    assert "it is number 4 by val.accuracy." in card
    assert "flatters" not in card
    with pytest.raises(ResultsError, match="must start the id of one trial"):
        write_card(grid(tmp_path / "other"), "depth", "c")


def test_the_test_result_is_shown_on_request_alone(tmp_path: Path) -> None:
    results = grid(tmp_path)
    assert "On the test split there is no result" in write_card(
        results, "depth", with_test=True
    )
    row = {"trial": "a0", "attempt": 0, "epoch": 2, "test.accuracy": 0.875}
    write_test(results, row)
    assert "87.50" not in write_card(results, "depth")
    card = write_card(results, "depth", with_test=True)
    assert "with the weights of epoch 2: test.accuracy 87.50 %." in card
    assert "chosen by validation among 4, not by this number" in card
    splits = [
        r["dataset"]["split"] for r in front_matter(card)["model-index"][0]["results"]
    ]
    assert splits == ["validation", "test"]
    named = write_card(results, "depth", "a0", with_test=True)
    assert "The trial was named by hand, one of 4" in named


def write_test(results: Results, row: Row) -> None:
    from raypg.results import SweepWriter

    writer = SweepWriter(results.store, "depth")
    writer.append("test_results", row)
    writer.close()


@pytest.mark.parametrize(
    ("columns", "limit"),
    [
        ({}, "- One seed: how much of the number is luck"),
        ({"config.data.fraction": 0.25}, "- Trained on 25 % of the training split."),
        ({"git.dirty": True}, "- The code had changes that were not committed"),
        ({"git.commit": None}, "- The commit of the code is not recorded."),
        ({"micro_batch": 16}, "went on with 16 examples at once"),
        ({"mixed": "raypg/optim.py"}, "begun before a change of raypg/optim.py"),
        ({"num_workers": 2}, "- 2 workers trained it"),
        ({"imported": "17", "git.commit": None}, "- Another tool has trained it"),
        (
            {"status": "cached", "source_sweep": "old"},
            "- Its numbers are those of the sweep old.",
        ),
    ],
)
def test_limits_are_those_of_the_row(
    tmp_path: Path, columns: dict[str, object], limit: str
) -> None:
    card = write_card(sweep(tmp_path, [row_of("a0", **columns)]), "depth")
    assert limit in card


def test_a_trial_that_was_stopped_may_be_named_and_says_so(tmp_path: Path) -> None:
    stopped = row_of("a0", status="stopped", status_reason="its scheduler stopped it")
    results = sweep(tmp_path, [stopped])
    with pytest.raises(ResultsError, match="must have a trial with val.accuracy"):
        write_card(results, "depth")
    card = write_card(results, "depth", "a0")
    assert "It did not complete, it is stopped: its scheduler stopped it." in card
    assert find_candidate(results, "depth", "a0").rank == 0


@pytest.mark.slow
def test_the_command_of_a_card_trains_the_same_trial(train: Command) -> None:
    arguments = ("model.name=mlp", "model.hidden=8", "train.epochs=1", "--threads", "1")
    assert train(*arguments, "--name", "first").code == 0
    results = open_results(train.store)
    card = write_card(results, "first", with_test=True)
    assert "On the validation split (300 images of 10 classes)" in card
    assert "one of them is 0.33 points" in card
    (line,) = [n for n in card.splitlines() if n.startswith("python -m raypg.train")]
    assert train(*shlex.split(line)[3:], "--name", "second").code == 0
    (first,), (second,) = results.trials("first"), results.trials("second")
    assert second["status"] == "cached"
    assert second["trial"] == first["trial"]
