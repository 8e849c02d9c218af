"""ASHA with a past decides as ASHA that saw it all; workers are kept or let go."""

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from raypg.cluster.schedulers import build_scheduler
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.space import ASHA
from tests.cluster.test_mailbox import assignment

MAX_EPOCHS = 9
RULE = ASHA(max_epochs=MAX_EPOCHS, grace_epochs=1, reduction_factor=3)


@dataclass(eq=False)
class TuneTrial:
    """As much of a Tune trial as a scheduler looks at."""

    trial_id: str
    config: dict[str, Any] = field(default_factory=dict)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.config["assignment"] = assignment(self.trial_id).to_json()


def curve(key: int) -> list[tuple[int, float]]:
    rng = random.Random(key)
    level = rng.random()
    return [(epoch, level + 0.01 * epoch) for epoch in range(1, MAX_EPOCHS + 1)]


def go_on(scheduler: Any, trial: TuneTrial, start: int, stop: int) -> int:  # noqa: ANN401
    """The last epoch that the scheduler lets a trial have of [start, stop]."""
    for epoch, value in curve(int(trial.trial_id))[start - 1 : stop]:
        result = {EPOCH: epoch, REPORTED: [["val.accuracy", value]]}
        if scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP:
            return epoch
    return stop


def epochs_given(scheduler: Any, key: int) -> int:  # noqa: ANN401
    """How many epochs the scheduler lets a trial have."""
    trial = TuneTrial(str(key))
    scheduler.on_trial_add(None, trial)
    return go_on(scheduler, trial, 1, MAX_EPOCHS)


def build(ended: Any = (), interrupted: Any = ()) -> Any:  # noqa: ANN401
    return build_scheduler(
        RULE, "val.accuracy", "max", dict(ended), dict(interrupted), reuses=True
    )


def test_a_replayed_past_leads_to_the_same_decisions() -> None:
    calm = build()
    given = [epochs_given(calm, key) for key in range(24)]
    assert len(set(given)) > 2
    past = {str(key): curve(key)[: given[key]] for key in range(12)}
    resumed = build(ended=past)
    assert [epochs_given(resumed, key) for key in range(12, 24)] == given[12:]


@pytest.mark.parametrize("key", range(6))
def test_an_interrupted_trial_counts_where_it_had_been(key: int) -> None:
    calm, trial = build(), TuneTrial(str(key))
    calm.on_trial_add(None, trial)
    begun = go_on(calm, trial, 1, 2)
    given = {other: epochs_given(calm, other) for other in range(6, 14)}
    expected = go_on(calm, trial, begun + 1, MAX_EPOCHS)
    past = {str(other): curve(other)[: given[other]] for other in given}
    resumed = build(ended=past, interrupted={str(key): curve(key)[:begun]})
    again = TuneTrial(str(key))
    resumed.on_trial_add(None, again)
    assert go_on(resumed, again, begun + 1, MAX_EPOCHS) == expected


@pytest.mark.parametrize("asha", [None, RULE])
@pytest.mark.parametrize("reuses", [True, False])
@pytest.mark.parametrize("recycles", [True, False])
def test_a_worker_is_kept_unless_it_is_spent_or_none_is(
    asha: ASHA | None, reuses: bool, recycles: bool
) -> None:
    scheduler = build_scheduler(asha, "val.accuracy", "max", {}, {}, reuses=reuses)
    controller = SimpleNamespace(_reuse_actors=None)
    trial = TuneTrial("t")
    scheduler.on_trial_add(controller, trial)
    result = {EPOCH: 1, REPORTED: [["val.accuracy", 0.5]]}
    if recycles:
        result["raypg_recycle"] = True
    scheduler.on_trial_complete(controller, trial, result)
    assert controller._reuse_actors is (reuses and not recycles)


@dataclass
class WaitingTrial(TuneTrial):
    """One that the scheduler may be asked to start."""

    status: str = "PENDING"

    def is_finished(self) -> bool:
        return self.status == "TERMINATED"


@pytest.mark.parametrize("rule", [None, RULE])
def test_the_oldest_trial_that_waits_runs_next(rule: ASHA | None) -> None:
    scheduler = build_scheduler(rule, "val.accuracy", "max", {}, {}, reuses=True)
    trials = [
        WaitingTrial(str(number), status=status)
        for number, status in enumerate(
            ["TERMINATED", "RUNNING", "RUNNING", "PENDING", "PENDING"]
        )
    ]
    for trial in trials:
        scheduler.on_trial_add(None, trial)
    assert scheduler.choose_trial_to_run(None) is trials[3]
    trials[3].status = trials[4].status = "RUNNING"
    assert scheduler.choose_trial_to_run(None) is None
    trials[2].status = "PENDING"  # its process died: Tune says so
    scheduler.on_trial_add(None, trials[2])
    assert scheduler.choose_trial_to_run(None) is trials[2]
