"""The training loop's link to a mailbox, near (same process) or far (an actor)."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from raypg.cluster.mailbox import Delivery
from raypg.cluster.messages import Ended, Report
from raypg.cluster.pulse import Pulse
from raypg.cluster.repair import repair_columns
from raypg.training.link import Metrics
from raypg.training.state import State

WAIT_S = 1.0
"""Longest single wait for the other side, so that a lost one is noticed; each is a sign
of life."""


class Post(Protocol):
    """A mailbox as its workers see it: `Mailbox` itself, or a handle to an actor."""

    def next_delivery(self, timeout_s: float) -> Delivery | None:
        """The trial to train; None when none came in time."""

    def is_closed(self) -> bool:
        """Whether no trial will come any more."""

    def wants_states(self) -> bool:
        """Whether a checkpoint of every epoch is due, as far as it is known here."""

    def report(self, report: Report) -> object:
        """Hand over an epoch."""

    def wait_decided(self, number: int, epoch: int, timeout_s: float) -> bool:
        """Wait until `epoch` of trial `number` is decided, or over."""

    def wait_stop(self, number: int, timeout_s: float) -> bool:
        """Whether trial `number` is to be left, told within the time."""

    def end(self, ended: Ended) -> None:
        """Hand over the end of a trial."""


class MailboxLink:
    """Rank 0's link: packs states where due, and lets training run ahead one epoch."""

    def __init__(
        self,
        post: Post,
        delivery: Delivery,
        is_stopped: Callable[[], bool] | None = None,
        pulse: Pulse | None = None,
    ) -> None:
        self._pulse = pulse
        self._post = post
        self._delivery = delivery
        self._is_stopped = is_stopped or (lambda: post.wait_stop(delivery.number, 0.0))
        self._columns: Mapping[str, object] = {}
        self._reported = 0
        self._saved_at = time.monotonic()

    def describe(self, columns: Mapping[str, object]) -> None:
        """Keep them for the first report: no message of its own."""
        self._columns = {**columns, **repair_columns(self._delivery.micro_batch)}

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Post the epoch, then wait while the one before it is undecided."""
        assignment = self._delivery.assignment
        now = time.monotonic()
        is_last = epoch >= assignment.num_epochs
        due = is_last or now - self._saved_at >= assignment.checkpoint_every_s
        due = due or self._post.wants_states()
        # With early stopping any epoch may be the last, whose checkpoint is kept.
        may_be_last = bool(assignment.config.get("train.early_stopping"))
        state: State | None = None
        if due or may_be_last or assignment.keeps_every_state:
            state = snapshot()
        if due:
            self._saved_at = now
        self._post.report(
            Report(
                number=self._delivery.number,
                incarnation=self._delivery.incarnation,
                epoch=epoch,
                metrics=metrics,
                state=state,
                is_due=due,
                summary=self._columns,
            )
        )
        self._columns = {}
        before, self._reported = self._reported, epoch
        while before and not self._post.wait_decided(
            self._delivery.number, before, WAIT_S
        ):
            self.beat()

    def beat(self) -> None:
        """To whoever watches over this process."""
        if self._pulse is not None:
            self._pulse.beat()

    def rest(self) -> None:
        """Nobody is to watch any more."""
        if self._pulse is not None:
            self._pulse.rest()

    def should_stop(self) -> bool:
        """Whether the trial actor left this trial."""
        return self._is_stopped()
