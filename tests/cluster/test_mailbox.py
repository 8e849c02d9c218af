import threading
import time

from raypg.cluster.mailbox import Mailbox
from raypg.cluster.messages import Assignment, Ended, Report


def assignment(trial: str = "t") -> Assignment:
    return Assignment(
        trial=trial,
        sweep="s",
        store="runs",
        attempt=0,
        config={"train.epochs": 3},
        device="cpu",
        num_threads=1,
        checkpoint_every_s=1.0,
        keeps_every_state=False,
        trials_per_worker=0,
    )


def report(number: int, epoch: int) -> Report:
    return Report(number=number, incarnation=0, epoch=epoch, metrics={"lr": 0.1})


def test_an_assignment_survives_its_trip_as_text() -> None:
    assert Assignment.from_json(assignment().to_json()) == assignment()


def test_reports_arrive_in_order_and_the_end_last() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    for epoch in (1, 2):
        box.report(report(number, epoch))
    box.end(Ended(number=number, status="completed"))
    assert [getattr(box.next_message(0), "epoch", "end") for _ in range(3)] == [
        1,
        2,
        "end",
    ]
    assert box.next_message(0) is None


def test_an_epoch_is_decided_when_the_next_is_asked_for() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    box.report(report(number, 1))
    assert not box.wait_decided(number, 1, 0)
    box.next_message(0)
    assert not box.wait_decided(number, 1, 0)
    box.next_message(0)
    assert box.wait_decided(number, 1, 0)


def test_a_stop_wakes_whoever_waits_for_a_decision() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    box.report(report(number, 1))
    timer = threading.Timer(0.05, box.stop)
    timer.start()
    started = time.monotonic()
    assert box.wait_decided(number, 1, 30)
    assert time.monotonic() - started < 10
    assert box.wait_stop(number, 0)
    timer.join()


def test_the_next_trial_stops_the_one_before_and_forgets_its_reports() -> None:
    box = Mailbox()
    first = box.assign(assignment("a"), None)
    box.report(report(first, 1))
    second = box.assign(assignment("b"), None)
    assert box.wait_stop(first, 0)
    assert not box.wait_stop(second, 0)
    box.report(report(first, 2))
    box.end(Ended(number=first, status="completed"))
    assert box.next_message(0) is None


def test_workers_that_were_replaced_get_the_trial_again_with_its_last_state() -> None:
    box = Mailbox()
    number = box.assign(assignment(), b"first")
    delivery = box.next_delivery(0)
    assert delivery is not None
    assert (delivery.incarnation, delivery.state) == (0, b"first")
    box.report(
        Report(number=number, incarnation=0, epoch=1, metrics={}, state=b"second")
    )
    again = box.next_delivery(0)
    assert again is not None
    assert (again.number, again.incarnation, again.state) == (number, 1, b"second")


def test_a_trial_that_ended_is_not_given_again() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    box.next_delivery(0)
    box.end(Ended(number=number, status="failed"))
    assert box.next_delivery(0) is None
    box.close()
    assert box.is_closed()


def test_a_report_that_new_workers_will_not_repeat_is_kept() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    box.next_delivery(0)
    for epoch, state in ((1, b"one"), (2, b"two"), (3, None)):
        box.report(
            Report(number=number, incarnation=0, epoch=epoch, metrics={}, state=state)
        )
    again = box.next_delivery(0)
    assert again is not None
    assert again.state == b"two"
    first, second = box.next_message(0), box.next_message(0)
    assert isinstance(first, Report)
    assert isinstance(second, Report)
    assert (first.epoch, second.epoch) == (1, 2)
    assert box.next_message(0) is None


def lose_workers(box: Mailbox, nodes: set[str], dead: set[str]) -> bool:
    """New workers ask for their trial; whether they are given one."""
    return box.next_delivery(0, nodes, dead) is not None


def last_reason(box: Mailbox) -> str:
    *_, last = iter(lambda: box.next_message(0), None)
    assert isinstance(last, Ended)
    assert last.cause == "worker_lost"
    return last.reason


def test_workers_that_die_three_times_at_one_epoch_fail_the_trial() -> None:
    box = Mailbox()
    number = box.assign(assignment(), None)
    for epoch in (1, 2):
        assert lose_workers(box, {"a"}, set())
        box.report(report(number, epoch))
    assert [lose_workers(box, {"a"}, set()) for _ in range(4)] == [True] * 3 + [False]
    assert last_reason(box) == "its workers died 3 times after epoch 2"


def test_workers_that_go_with_their_nodes_are_not_held_against_the_trial() -> None:
    box = Mailbox()
    box.assign(assignment(), None)
    assert lose_workers(box, {"a", "b"}, set())
    assert lose_workers(box, {"a", "c"}, {"b"})
    assert lose_workers(box, {"c", "d"}, {"a", "b"})
    # From here on no node goes.
    found = [lose_workers(box, {"c"}, {"a", "b"}) for _ in range(3)]
    assert found == [True, True, False]


def test_a_trial_starts_with_a_clean_record() -> None:
    box = Mailbox()
    for trial in ("a", "b"):
        box.assign(assignment(trial), None)
        found = [lose_workers(box, set(), set()) for _ in range(3)]
        assert found == [True, True, True], trial


def test_workers_that_hang_three_times_at_one_epoch_fail_the_trial_and_say_where() -> (
    None
):
    box = Mailbox()
    box.assign(assignment(), None)
    for which in ("first", "second", "third"):
        assert box.next_delivery(0) is not None
        box.note_hang(f"in the {which} place")
    assert box.next_delivery(0) is None
    ended = box.next_message(0)
    assert isinstance(ended, Ended)
    assert ended.reason == "its workers hung 3 times after epoch 0"
    assert (ended.cause, ended.error) == ("hang", "in the third place")
    box.assign(assignment(), None)
    for _ in range(3):
        assert box.next_delivery(0) is not None
    assert box.next_delivery(0) is None
    assert last_reason(box) == "its workers died 3 times after epoch 0"
