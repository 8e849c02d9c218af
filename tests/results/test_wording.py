"""What is said of trials in words."""

from typing import Any

from raypg.results.wording import describe_repaired


def row(arm: str, micro_batch: int | None, status: str = "completed") -> dict[str, Any]:
    return {
        "trial": f"of {arm}",
        "arm": arm,
        "status": status,
        "micro_batch": micro_batch,
    }


def test_trials_whose_memory_ran_out_are_named_by_their_arms() -> None:
    rows = [row("depth=58", 8), row("depth=58", 4), row("depth=7", None)]
    said = describe_repaired(rows)
    assert said.startswith(" Out of memory, 2 trials (depth=58) went on in smaller ")
    assert "batch statistics, if any, are not those of the others" in said


def test_a_trial_of_no_arm_is_named_itself() -> None:
    assert "1 trial (of ) went on" in describe_repaired([row("", 8)])


def test_nothing_is_said_where_none_went_on() -> None:
    assert describe_repaired([row("a", None), row("b", 1, status="failed")]) == ""
