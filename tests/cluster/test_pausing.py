"""Hyperband, promotion and the median rule on real workers, cut short and resumed."""

from collections import Counter
from typing import Any

import pytest

from raypg.results import open_results
from raypg.store import Store
from tests.cluster.aged import Interrupt, interrupt_after
from tests.conftest import RunSpace, resume

__all__ = ["interrupt_after"]

SPACE = """
SPACE = Search(
    base={{"model.name": "mlp", "model.hidden": 8, "data.fraction": 0.2}},
    axes={{"optimizer.lr": log_uniform(1e-5, 1.0)}},
    trials=9, sampler="random", scheduler={rule},
)
"""
HYPERBAND = SPACE.format(rule="Hyperband(max_epochs=9)")
BOHB = HYPERBAND.replace('"random"', '"bohb"').replace("trials=9", "trials=17")
PROMOTION = SPACE.format(rule="ASHA(max_epochs=9, promotion=True)")
MEDIAN = SPACE.format(
    # Losses are never equal, as accuracies of such trials are.
    rule="MedianStopping(max_epochs=4, grace_epochs=2), metric='val.loss', mode='min'"
)

Outcome = dict[str, tuple[str, int, float]]


def outcome(store: Store, sweep: str) -> Outcome:
    """How each trial ended, after how many epochs, with what."""
    results = open_results(store)
    rows: list[Any] = results.trials(sweep)
    epochs = [(row["trial"], row["epoch"]) for row in results.epochs(sweep)]
    assert len(epochs) == len(set(epochs))
    counts = Counter(trial for trial, _ in epochs)
    assert counts == {row["trial"]: row["num_epochs"] for row in rows}
    for row in rows:
        assert row["num_parameters"] > 0
        assert row["checkpoint"]
        assert row["best_epoch"]
    return {
        row["trial"]: (row["status"], row["num_epochs"], row["val.accuracy"])
        for row in rows
    }


@pytest.mark.slow
def test_hyperband_halves_a_bracket_on_few_slots_and_goes_on_after_an_interrupt(
    run_space: RunSpace, interrupt_after: Interrupt
) -> None:
    calm = run_space(HYPERBAND, name="calm", max_concurrent=2, is_fresh=True)
    found = outcome(calm.store, calm.sweep)
    statuses = Counter((status, epochs) for status, epochs, _ in found.values())
    assert statuses == {("stopped", 1): 6, ("stopped", 3): 2, ("completed", 9): 1}
    best = max(found.values(), key=lambda one: one[2])
    assert best[0] == "completed"
    for number, epoch in [(3, 1), (8, 1)]:
        interrupt_after(number, epoch)
        name = f"broken-{number}"
        broken = run_space(HYPERBAND, name=name, max_concurrent=2, is_fresh=True)
        interrupt_after()
        assert broken.exit_code == 130
        again = resume(broken)
        assert outcome(again.store, again.sweep) == found


@pytest.mark.slow
def test_bohb_draws_the_same_after_an_interrupt(
    run_space: RunSpace, interrupt_after: Interrupt
) -> None:
    calm = run_space(BOHB, name="calm", is_fresh=True)
    found = outcome(calm.store, calm.sweep)
    statuses = Counter((status, epochs) for status, epochs, _ in found.values())
    assert statuses["stopped", 1] == 6
    assert sum(statuses.values()) == 17
    # Draws at random alone would be those that the random sampler has.
    at_random = run_space(
        BOHB.replace('"bohb"', '"random"'), name="random", is_fresh=True
    )
    assert outcome(at_random.store, at_random.sweep).keys() != found.keys()
    interrupt_after(10, 1)
    broken = run_space(BOHB, name="broken", is_fresh=True)
    interrupt_after()
    assert broken.exit_code == 130
    again = resume(broken)
    assert outcome(again.store, again.sweep) == found


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"uses_group": True}], ids=["local", "group"])
def test_one_worker_promotes_the_best_and_stops_the_rest_at_the_end(
    run_space: RunSpace, interrupt_after: Interrupt, options: dict[str, Any]
) -> None:
    calm = run_space(PROMOTION, name="calm", is_fresh=True, **options)
    found = outcome(calm.store, calm.sweep)
    epochs = sorted(num for _, num, _ in found.values())
    assert epochs == [1] * 6 + [3, 3, 9] or (epochs[:3], epochs[-1]) == ([1] * 3, 9)
    assert {num for status, num, _ in found.values() if status == "stopped"} <= {1, 3}
    best = max(found.values(), key=lambda one: one[2])
    assert best[:2] == ("completed", 9)
    interrupt_after(4, 1)
    broken = run_space(PROMOTION, name="broken", is_fresh=True, **options)
    interrupt_after()
    again = resume(broken)
    assert outcome(again.store, again.sweep) == found


@pytest.mark.slow
def test_the_median_rule_stops_what_is_worse_than_half(run_space: RunSpace) -> None:
    finished = run_space(MEDIAN)
    found = outcome(finished.store, finished.sweep)
    statuses = Counter(status for status, _, _ in found.values())
    assert statuses["stopped"] >= 2
    assert statuses["completed"] >= 3
    assert {num for status, num, _ in found.values() if status == "stopped"} <= {2, 3}
