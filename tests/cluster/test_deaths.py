"""Whose fault it is that a trial's processes die."""

import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, RayTaskError

from raypg.causes import POLICIES, cause_of_text
from raypg.cluster.deaths import MAX_ON_ONE_WAY, Deaths
from raypg.cluster.ending import Ending
from raypg.cluster.farewell import Farewell
from raypg.cluster.group import GroupWorkers
from raypg.cluster.recorder import Recorder
from raypg.cluster.searcher import LedgerSearcher
from raypg.cluster.trainable import EPOCH, REPORTED
from tests.books import epoch, new_ledger
from tests.fakes import FakeWriter

LOST_NODE = "The actor died because its node has died."
KILLED = "The actor died unexpectedly before finishing this task."


def goes_on(deaths: Deaths, *places: int, is_outside: bool = False) -> list[bool]:
    return [deaths.note(place, is_outside=is_outside) for place in places]


def test_three_deaths_in_a_row_at_one_place_are_the_trials_own() -> None:
    deaths = Deaths()
    assert goes_on(deaths, 4, 4, 4) == [True, True, False]
    assert deaths.reason("its process", 4) == "its process died 3 times after epoch 4"


def test_a_death_elsewhere_starts_the_count_anew() -> None:
    assert all(goes_on(Deaths(), 4, 4, 2, 4, 4, 2, 2))


def test_deaths_that_have_another_cause_do_not_count_among_them() -> None:
    deaths = Deaths()
    assert goes_on(deaths, 4, 4) == [True, True]
    assert all(goes_on(deaths, 4, 4, 4, is_outside=True))
    assert goes_on(deaths, 4) == [False]


def test_no_trial_starts_again_for_ever_without_a_further_epoch() -> None:
    deaths = Deaths()
    assert all(goes_on(deaths, 3, is_outside=True))
    lost = goes_on(deaths, *[0] * (MAX_ON_ONE_WAY - 1), is_outside=True)
    assert lost == [True] * (MAX_ON_ONE_WAY - 2) + [False]
    assert "died 10 times after epoch 3" in deaths.reason("its process", 3)


def test_a_trial_that_gets_further_may_die_as_often_as_it_likes() -> None:
    assert all(goes_on(Deaths(), *range(50)))


class Books:
    """A recorder with one trial, and what Tune would tell it."""

    def __init__(self) -> None:
        self.writer = FakeWriter()
        self.ledger = new_ledger(writer=self.writer)
        searcher = LedgerSearcher(
            self.ledger,
            lambda _: 1,
            lambda: False,
            lambda _: SimpleNamespace(),  # type: ignore[arg-type,return-value]
        )
        farewell = Farewell(Ending())
        self.recorder = Recorder(
            self.ledger, searcher, lambda _: None, lambda: None, farewell
        )
        self.trial: Any = SimpleNamespace(
            trial_id="t", error_file="", latest_checkpoint_result=None
        )
        entry = self.ledger.next_entry()
        assert entry is not None
        self.entry = searcher.live["t"] = entry

    def start(self) -> None:
        self.recorder.on_trial_start(0, [], self.trial)

    def report(self, number: int, **more: object) -> None:
        about = {"done": False, "raypg_status": "running", EPOCH: number}
        reported = {**epoch(1.0), "train.loss": 1.0}
        result = {**about, REPORTED: list(reported.items()), **more}
        self.recorder.on_trial_result(0, [], self.trial, result)

    def die(self, text: str) -> bool:
        error = ActorDiedError()
        error.error_msg = text
        return self.recorder.may_go_on(self.trial, error)


@pytest.mark.parametrize(("text", "num"), [(KILLED, 3), (LOST_NODE, MAX_ON_ONE_WAY)])
def test_a_node_is_not_held_against_its_trial_as_a_process_is(
    text: str, num: int
) -> None:
    books = Books()
    found = []
    for _ in range(num):
        books.start()
        found.append(books.die(text))
    assert found == [True] * (num - 1) + [False]


def test_what_dies_before_it_has_the_trial_is_not_the_trials_fault() -> None:
    books = Books()
    assert [books.die(KILLED) for _ in range(5)] == [True] * 5


def test_a_trial_that_fails_says_how_often_and_of_what_it_died() -> None:
    books = Books()
    books.start()
    books.report(1)
    assert books.die(LOST_NODE)
    for _ in range(3):
        books.start()
        last = books.die(KILLED)
    assert not last
    books.recorder.on_trial_error(0, [], books.trial)
    assert books.entry.status == "failed"
    assert books.entry.reason == "its process died 3 times after epoch 1"
    assert books.entry.cause == "worker_lost"
    assert books.entry.attempt == 3


def test_a_step_that_raises_is_not_told_of_as_a_death() -> None:
    books = Books()
    books.start()
    error = RayTaskError("train", "LookupError: no such key", LookupError())
    assert not books.recorder.may_go_on(books.trial, error)
    books.recorder.on_trial_error(0, [], books.trial)
    assert books.entry.reason == "its process failed after epoch 0"
    assert books.entry.cause == "code"


@pytest.mark.parametrize("how", ["failed", "died"])
@pytest.mark.parametrize("cause", POLICIES)
def test_the_policy_of_a_cause_says_how_often_a_trial_is_started(
    cause: str, how: str
) -> None:
    deaths, num = Deaths(), 1
    while deaths.note(4, cause=cause, how=how):
        num += 1
    assert num == min(POLICIES[cause].most(how), MAX_ON_ONE_WAY)


def test_memory_that_a_node_lacked_is_not_held_against_the_trial_at_once() -> None:
    books = Books()
    books.start()
    assert books.die("The process was killed due to the node running low on memory.")
    books.start()
    error = RayTaskError("train", "MemoryError: 80 GiB", MemoryError())
    assert not books.recorder.may_go_on(books.trial, error)
    books.recorder.on_trial_error(0, [], books.trial)
    assert books.entry.cause == "out_of_memory"


def test_a_group_that_ended_for_another_trial_is_replaced() -> None:
    books = Books()
    workers = GroupWorkers.__new__(GroupWorkers)
    workers._thread = SimpleNamespace(is_alive=lambda: False)  # type: ignore[assignment]
    workers._failure = RuntimeError(
        "out of memory: DefaultCPUAllocator: can't allocate"
    )
    failure = workers.failure()
    assert failure is not None
    text = "".join(traceback.format_exception(failure))
    assert "DefaultCPUAllocator" in text
    books.start()
    assert books.recorder.may_go_on(books.trial, RayTaskError("step", text, failure))
    assert cause_of_text(text) == "worker_lost"


def test_a_store_that_is_out_of_reach_is_no_fault_of_the_code() -> None:
    books = Books()
    error = RayTaskError("train", "OSError: no answer", OSError("no answer"))
    for _ in range(3):
        books.start()
        books.recorder.may_go_on(books.trial, error)
    books.recorder.on_trial_error(0, [], books.trial)
    assert books.entry.cause == "worker_lost"
