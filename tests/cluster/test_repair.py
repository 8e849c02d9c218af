"""A trial that runs out of memory goes on in smaller pieces, and its row says so."""

from dataclasses import replace

import pytest

from raypg.cluster.mailbox import Mailbox
from raypg.cluster.messages import Assignment, Ended, Report
from raypg.cluster.repair import LEAST_MICRO_BATCH, smaller_micro_batch
from tests.cluster.faulty import Plan, plan_faults
from tests.cluster.test_deaths import Books
from tests.cluster.test_mailbox import assignment
from tests.cluster.test_retry import Rows, column, losses, rows_of
from tests.conftest import RunSpace, resume

__all__ = ["plan_faults"]

SPACE = """
SPACE = Ablation(
    base={"model.name": "mlp", "train.epochs": 2},
    axes={"model.hidden": [8, 16, 24]},
)
"""
CONFIG = {"train.epochs": 3, "train.batch_size": 64, "train.micro_batch": 0}
WANTING = Ended(number=1, status="failed", cause="out_of_memory")
MEANT = replace(assignment(), config=CONFIG, repairs_oom=True)


def test_the_size_is_halved_down_to_the_least() -> None:
    sizes = [0]
    while size := smaller_micro_batch(MEANT, sizes[-1], WANTING):
        sizes.append(size)
    assert sizes == [0, 32, 16, 8, LEAST_MICRO_BATCH]
    three = replace(MEANT, num_workers=3)
    assert smaller_micro_batch(three, 0, WANTING) == 22 // 2
    asked = replace(MEANT, config=CONFIG | {"train.micro_batch": 10})
    assert smaller_micro_batch(asked, 0, WANTING) == 5


@pytest.mark.parametrize(
    "ended",
    [
        replace(WANTING, cause="code"),
        replace(WANTING, status="completed"),
        replace(WANTING, is_poisoned=True),
    ],
)
def test_another_end_is_not_repaired(ended: Ended) -> None:
    assert smaller_micro_batch(MEANT, 0, ended) == 0
    assert smaller_micro_batch(replace(MEANT, repairs_oom=False), 0, WANTING) == 0


def test_synchronised_statistics_are_not_cut_into_pieces() -> None:
    synced = replace(MEANT, config=CONFIG | {"train.sync_batchnorm": True})
    assert smaller_micro_batch(synced, 0, WANTING) == 0


def test_a_trial_is_given_again_from_its_last_state_once_for_all_ranks() -> None:
    box = Mailbox()
    number = box.assign(MEANT, None)
    box.next_delivery(0)
    for epoch, state in ((1, b"one"), (2, None)):
        box.report(
            Report(number=number, incarnation=0, epoch=epoch, metrics={}, state=state)
        )
    box.end(WANTING)
    box.end(WANTING)  # of another rank
    again = box.next_delivery(0)
    assert again is not None
    assert (again.micro_batch, again.incarnation, again.state) == (32, 1, b"one")
    epochs = [getattr(box.next_message(0), "epoch", None) for _ in range(2)]
    assert epochs == [1, None]
    assert not box.wait_stop(again.number, 0)
    box.end(replace(WANTING, number=again.number, cause="code"))
    assert isinstance(box.next_message(0), Ended)


def test_the_row_says_so_while_the_trial_runs_and_another_process_goes_on_with_it() -> (
    None
):
    books = Books()
    books.trial.config = {"assignment": assignment().to_json()}
    books.start()
    books.report(1, raypg_summary={"micro_batch": 8})
    row = books.writer.rows["trials"][-1]
    assert (row["status"], row["micro_batch"]) == ("running", 8)
    assert Assignment.from_json(books.trial.config["assignment"]).micro_batch == 8


@pytest.mark.slow
def test_what_ran_out_of_memory_is_trained_in_pieces_and_never_taken_for_another(
    run_space: RunSpace, plan_faults: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = rows_of(run_space(SPACE, "train.micro_batch=8"))
    plan_faults({8: "big 8", 16: "big 1"})
    repaired = run_space(SPACE, repairs_oom=True)
    rows = rows_of(repaired)
    assert column(rows, "status") == ["completed", "failed", "completed"]
    assert column(rows, "micro_batch") == [8, LEAST_MICRO_BATCH, None]
    assert column(rows, "cause") == [None, "out_of_memory", None]
    assert "DefaultCPUAllocator: can't allocate" in rows[16]["status_reason"]
    assert rows[8]["val.loss"] == asked[8]["val.loss"]
    assert {row["config.train.micro_batch"] for row in rows.values()} == {0}
    check_epochs(losses(repaired), rows)
    assert "goes on with train.micro_batch=8" in capsys.readouterr().err
    plan_faults({})
    again = rows_of(resume(repaired, retry_failed="out_of_memory"))
    assert column(again, "status") == ["completed"] * 3
    assert column(again, "micro_batch") == [8, LEAST_MICRO_BATCH, None]
    whole = run_space(SPACE)
    assert column(rows_of(whole), "status") == ["completed", "completed", "cached"]
    assert column(rows_of(whole), "micro_batch") == [None] * 3


def check_epochs(found: dict[str, list[tuple[int, float]]], rows: Rows) -> None:
    for row in rows.values():
        epochs = [epoch for epoch, _ in found.get(row["trial"], [])]
        assert epochs == list(range(1, row["num_epochs"] + 1))
