"""A finished sweep is given more epochs: its trials go on, each once in the tables."""

from pathlib import Path
from typing import Any

import pytest

from raypg.checkpoints import list_held
from raypg.cluster.sweep import Finished
from raypg.errors import StoreError
from raypg.optim import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    MultistepConfig,
    OneCycleConfig,
    PlateauConfig,
    PolynomialConfig,
    ScheduleConfig,
    StepConfig,
    lr_factor,
)
from raypg.optim.schedules import stretches
from raypg.results import open_results, summarise
from raypg.results.__main__ import main
from tests.cluster.aged import Interrupt, interrupt_after
from tests.cluster.test_extend import write_space
from tests.command import Command
from tests.conftest import RunSpace, resume

__all__ = ["interrupt_after"]

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 16, "schedule.name": "constant",
          "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]}, seeds=2,
)
"""
LONGER = {'"train.epochs": 2': '"train.epochs": 4'}


def counted(finished: Finished) -> list[dict[str, Any]]:
    """The rows of the trials that count, without what a clock wrote."""
    rows = open_results(finished.store).trials(finished.sweep)
    names = ("trial", "number", "arm", "seed", "status", "num_epochs", "val.loss")
    more = ("val.accuracy", "best_epoch", "best.val.accuracy", "config.train.epochs")
    left = [row for row in rows if row["status"] not in ("extended", "replaced")]
    return [{name: row[name] for name in (*names, *more)} for row in left]


def losses(finished: Finished) -> list[tuple[str, int, float, float]]:
    """Every row of `epochs`, of all trials."""
    rows = open_results(finished.store).epochs(finished.sweep)
    names = ("trial", "epoch", "val.loss", "train.loss")
    return [tuple(row[name] for name in names) for row in rows]


def scores(finished: Finished) -> list[dict[str, Any]]:
    query = "select trial, epoch, test.loss from test_results order by all"
    answer = open_results(finished.store).sql(query, sweeps=[finished.sweep])
    rows: list[dict[str, Any]] = answer.to_pylist()
    return rows


@pytest.mark.parametrize("by", ["space", "override"])
def test_more_epochs_equal_a_sweep_that_started_with_them(
    run_space: RunSpace, tmp_path: Path, by: str
) -> None:
    straight = run_space(SPACE, "train.epochs=4", store=str(tmp_path / "straight"))
    first = run_space(SPACE)
    if by == "space":
        grown = resume(first, space=write_space(tmp_path, SPACE, **LONGER))
    else:
        grown = resume(first, "train.epochs=4")
    assert grown.exit_code == 0
    assert counted(grown) == counted(straight)
    assert losses(grown) == losses(straight)
    assert scores(grown) == scores(straight)
    answer = summarise(open_results(grown.store), grown.sweep).rows
    assert [row["seeds"] for row in answer] == [2, 2]
    # Only the epochs that were missing were trained.
    attempts = "select distinct epoch from epochs where epoch_s is not null and time > "
    attempts += "(select max(finished) from trials where status = 'extended')"
    table = open_results(grown.store).sql(attempts)
    assert sorted(table["epoch"].to_pylist()) == [3, 4]
    again = resume(grown)
    assert (again.ledger.entries, again.ledger.num_ended) == ({}, 4)


def test_what_was_extended_is_said_and_still_holds_for_other_sweeps(
    run_space: RunSpace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = run_space(SPACE)
    before = losses(first)
    grown = resume(first, "train.epochs=3")
    show = Command(main, grown.store.uri, capsys, monkeypatch)("show", grown.sweep)
    assert "trials: 4 (4 completed, 0 cached" in show.out
    assert "(4 trials are from before): train.epochs 2 → 3\n" in show.out
    other = run_space(SPACE, name="other")
    assert other.ledger.count("cached") == 4
    assert losses(other) == before


def test_an_extension_that_is_interrupted_goes_on_by_name_alone(
    run_space: RunSpace,
    tmp_path: Path,
    interrupt_after: Interrupt,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    straight = run_space(SPACE, "train.epochs=4", store=str(tmp_path / "straight"))
    first = run_space(SPACE)
    interrupt_after(1, epoch=3)
    assert resume(first, "train.epochs=4").exit_code == 130
    interrupt_after()
    show = Command(main, first.store.uri, capsys, monkeypatch)
    assert "still to go on to 4 epochs: " in show("show", "space").out
    whole = resume(first)
    assert "still to go on" not in show("show", "space").out
    assert whole.exit_code == 0
    assert counted(whole) == counted(straight)
    assert losses(whole) == losses(straight)


def test_a_checkpoint_that_is_gone_costs_the_trial_its_first_epochs_and_is_said(
    run_space: RunSpace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = run_space(SPACE, "train.epochs=3", store=str(tmp_path / "straight"))
    first = run_space(SPACE, keep_checkpoints="best")
    capsys.readouterr()
    grown = resume(first, "train.epochs=3")
    said = capsys.readouterr().err
    assert "trials without a checkpoint, trained from epoch 1: 3\n" in said
    assert counted(grown) == counted(straight)
    assert losses(grown) == losses(straight)
    # Of the trial that went on as another one, the checkpoint has gone, too.
    best = open_results(grown.store).best(grown.sweep, "val.accuracy", "max")
    assert best is not None
    assert list(list_held(grown.store, grown.sweep)) == [best["trial"]]


def test_more_epochs_of_trials_that_another_sweep_trained(run_space: RunSpace) -> None:
    first = run_space(SPACE)
    second = run_space(SPACE, name="second")
    assert second.ledger.count("cached") == 4
    grown = resume(second, "train.epochs=3")
    assert grown.exit_code == 0
    assert {row["status"] for row in counted(grown)} == {"completed"}
    assert sorted({epoch for _, epoch, _, _ in losses(grown)}) == [1, 2, 3]
    assert len(losses(grown)) == 12
    assert len(losses(first)) == 8


@pytest.mark.parametrize(
    ("space", "asked", "found"),
    [
        (SPACE.replace("constant", "cosine"), 4, "schedule.name=cosine, which"),
        (SPACE, 1, "train.epochs=1, and 2 so far"),
    ],
)
def test_epochs_that_cannot_be_had_are_refused_and_nothing_changes(
    run_space: RunSpace, space: str, asked: int, found: str
) -> None:
    first = run_space(space)
    about, rows = first.store.read_description(first.sweep), counted(first)
    with pytest.raises(StoreError, match=f"--resume space: .*; found {found}"):
        resume(first, f"train.epochs={asked}")
    assert first.store.read_description(first.sweep) == about
    assert counted(first) == rows


def test_epochs_of_a_space_that_the_command_line_hides_are_refused(
    run_space: RunSpace, tmp_path: Path
) -> None:
    first = run_space(SPACE, "train.epochs=1")
    more = write_space(tmp_path, SPACE, **LONGER)
    with pytest.raises(
        StoreError, match=r"found 4 in the space, .* Add train.epochs=4"
    ):
        resume(first, space=more)


@pytest.mark.parametrize(
    ("schedule", "is_stretched"),
    [
        (ConstantConfig(), False),
        (ConstantConfig(warmup=0.3), True),
        (PlateauConfig(), False),
        (MultistepConfig(milestones=()), False),
        (MultistepConfig(), True),
        (CosineConfig(), True),
        (OneCycleConfig(), True),
        (StepConfig(), True),
        (ExponentialConfig(), True),
        (PolynomialConfig(), True),
    ],
)
def test_a_rate_that_does_not_stretch_is_the_same_in_a_longer_training(
    schedule: ScheduleConfig, is_stretched: bool
) -> None:
    short, longer = ([lr_factor(schedule, s, n) for s in range(10)] for n in (10, 20))
    assert (short != longer) is is_stretched
    assert stretches(schedule) is is_stretched
