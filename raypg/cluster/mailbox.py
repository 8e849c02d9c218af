"""Where a trial actor and its workers meet: trials go one way, reports the other.

One class serves both kinds of worker. With one worker a trial it lives in the trial
actor's own process; with several it is a small threaded actor of its own, which
outlives the workers and so hands a trial on when they are replaced.
"""

import threading
from collections import deque
from collections.abc import Set
from dataclasses import dataclass, replace

from raypg.cluster.deaths import Deaths
from raypg.cluster.messages import Assignment, Ended, Message, Report
from raypg.cluster.repair import repair_columns, smaller_micro_batch
from raypg.training.state import State

NOWHERE: Set[str] = frozenset()
"""For workers in the process of their trial actor: they end together."""


@dataclass(frozen=True)
class Delivery:
    """An assignment on its way to the workers, with the state to go on from."""

    number: int
    incarnation: int
    assignment: Assignment
    state: State | bytes | None
    micro_batch: int = 0
    """Instead of the config's; 0 is as that."""


class Mailbox:
    """Holds at most one trial; every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._messages: deque[Message] = deque()
        self._delivery: Delivery | None = None
        self._is_taken = False
        self._is_closed = False
        self._stop_before = 0
        self._number = 0
        self._decided_epoch = 0
        self._delivered_epoch = 0
        self._reported_epoch = 0
        self._state_epoch = 0
        self._wants_states = False
        self._workers_epoch = 0
        """The last one that these workers reported, not those before them."""
        self._nodes = NOWHERE
        self._deaths = Deaths()
        self._hang = ""

    def assign(self, assignment: Assignment, state: bytes | None) -> int:
        """Give the workers a trial; returns its number. The one before is stopped."""
        with self._changed:
            self._number += 1
            self._stop_before = self._number
            micro_batch = assignment.micro_batch
            self._delivery = Delivery(self._number, 0, assignment, state, micro_batch)
            self._is_taken = False
            self._messages.clear()
            self._decided_epoch = self._delivered_epoch = 0
            self._reported_epoch = self._state_epoch = self._workers_epoch = 0
            self._deaths = Deaths()
            self._changed.notify_all()
            return self._number

    def next_message(self, timeout_s: float) -> Message | None:
        """The trial's next report or its end; None when none came in time.

        To ask for the next is to have decided that the trial goes on after the last.
        """
        with self._changed:
            self._decided_epoch = self._delivered_epoch
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._messages, timeout_s)
            if not self._messages:
                return None
            message = self._messages.popleft()
            if isinstance(message, Report):
                self._delivered_epoch = message.epoch
            return message

    def stop(self) -> None:
        """Tell the workers to leave the trial; they do so within a few steps."""
        with self._changed:
            self._stop_before = self._number + 1
            self._delivery = None
            self._changed.notify_all()

    def close(self) -> None:
        """Tell the workers to leave the trial and to ask for no other."""
        self.stop()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def want_states(self) -> None:
        """Have a checkpoint of every epoch from now on: a node, or the sweep, ends."""
        self._wants_states = True

    def next_delivery(
        self, timeout_s: float, nodes: Set[str] = NOWHERE, dead: Set[str] = NOWHERE
    ) -> Delivery | None:
        """For workers: the trial to train; None when none came in time.

        A trial that was taken and has not ended is given again: its workers were
        replaced. It goes on from the last state that they handed over, unless `Deaths`
        finds the trial itself at fault: then it has failed.

        Args:
            timeout_s: the longest wait for a trial.
            nodes: where these workers are.
            dead: the nodes that the cluster has lost; a trial is not at fault where it
                has lost its workers with theirs.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._delivery or self._is_closed, timeout_s)
            delivery = self._delivery
            if delivery is None:
                return None
            if self._is_taken:
                if self._blame(dead):
                    self._give_up(delivery.number, delivery.micro_batch)
                    return None
                delivery = self._deliver_again(delivery)
            self._workers_epoch, self._nodes = 0, nodes
            self._is_taken = True
            self._hang = ""
            return delivery

    def _blame(self, dead: Set[str]) -> bool:
        """Note that the workers of the trial were lost; whether it is to blame."""
        return not self._deaths.note(
            self._workers_epoch,
            cause="hang" if self._hang else "worker_lost",
            is_outside=not self._nodes.isdisjoint(dead),
        )

    def _give_up(self, number: int, micro_batch: int) -> None:
        self._delivery = None
        self._messages.append(
            Ended(
                number=number,
                status="failed",
                reason=self._deaths.reason("its workers", self._reported_epoch),
                cause=self._deaths.cause,
                error=self._hang,
                summary=repair_columns(micro_batch),
            )
        )
        self._changed.notify_all()

    def _deliver_again(self, delivery: Delivery) -> Delivery:
        """The delivery for new workers; reports that they will not repeat are kept."""
        kept = [
            message
            for message in self._messages
            if isinstance(message, Report) and message.epoch <= self._state_epoch
        ]
        self._messages = deque(kept)
        self._delivered_epoch = min(self._delivered_epoch, self._state_epoch)
        self._decided_epoch = min(self._decided_epoch, self._state_epoch)
        self._delivery = replace(delivery, incarnation=delivery.incarnation + 1)
        return self._delivery

    def is_closed(self) -> bool:
        """For workers: whether no trial will come any more."""
        return self._is_closed

    def note_hang(self, error: str) -> None:
        """For workers: they hang, say where, and are about to be replaced."""
        with self._changed:
            self._hang = error

    def wants_states(self) -> bool:
        """For workers: whether a checkpoint of every epoch is due."""
        return self._wants_states

    def report(self, report: Report) -> bool:
        """For workers: hand over an epoch; answers `wants_states`."""
        with self._changed:
            delivery = self._delivery
            if delivery is None or report.number != delivery.number:
                return self._wants_states
            self._workers_epoch = report.epoch
            self._reported_epoch = max(self._reported_epoch, report.epoch)
            if report.state is not None:
                self._state_epoch = report.epoch
                self._delivery = replace(delivery, state=report.state)
            self._messages.append(report)
            self._changed.notify_all()
            return self._wants_states

    def wait_decided(self, number: int, epoch: int, timeout_s: float) -> bool:
        """For workers: wait until `epoch` of trial `number` is decided, or over."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._decided_epoch >= epoch or number < self._stop_before,
                timeout_s,
            )

    def wait_stop(self, number: int, timeout_s: float) -> bool:
        """For workers: whether trial `number` is to be left, told within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: number < self._stop_before, timeout_s)

    def end(self, ended: Ended) -> None:
        """For workers: hand over the end of a trial; only the first one counts.

        One that ran out of memory may be given again, in smaller micro-batches.
        """
        with self._changed:
            delivery = self._delivery
            if delivery is None or ended.number != delivery.number:
                return
            was = delivery.micro_batch
            smaller = smaller_micro_batch(delivery.assignment, was, ended)
            if smaller:
                self._repair(delivery, smaller)
            else:
                self._delivery = None
                self._messages.append(ended)
            self._changed.notify_all()

    def _repair(self, delivery: Delivery, micro_batch: int) -> None:
        again = self._deliver_again(delivery)
        # A number of its own: other ranks may yet tell of the same end.
        self._number += 1
        self._stop_before = self._number
        self._delivery = replace(again, number=self._number, micro_batch=micro_batch)
        self._is_taken = False
