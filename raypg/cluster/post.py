"""A mailbox in an actor, as rank 0 of a worker group sees it."""

import traceback
from collections.abc import Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import ray

from raypg.cluster.mailbox import Delivery
from raypg.cluster.messages import Ended, Report
from raypg.training.state import State, pack_state

STOP_WATCH_S = 5.0
"""Length of the one call that waits for a stop, which is made anew each time."""

NOTE_S = 5.0
"""Longest wait until a hang is noted."""


class RemotePost:
    """A mailbox in an actor, as rank 0 sees it.

    States are packed and sent by a thread, in order with the reports, so that training
    goes on meanwhile.

    Args:
        actor: Ray's handle of the mailbox.
        nodes: where the group's workers are.
    """

    def __init__(self, actor: Any, nodes: Set[str]) -> None:  # noqa: ANN401
        self._actor = actor
        self._nodes = nodes
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="raypg-post")
        self._sending: list[Future[None]] = []
        self._wants_states = False

    def next_delivery(self, timeout_s: float) -> Delivery | None:
        """See `Mailbox.next_delivery`."""
        dead = {node["NodeID"] for node in ray.nodes() if not node["Alive"]}
        asked = self._actor.next_delivery.remote(timeout_s, self._nodes, dead)
        delivery: Delivery | None = ray.get(asked)
        return delivery

    def is_closed(self) -> bool:
        """See `Mailbox.is_closed`."""
        return bool(ray.get(self._actor.is_closed.remote()))

    def wants_states(self) -> bool:
        """As the mailbox answered the newest report that it has got."""
        return self._wants_states

    def report(self, report: Report) -> None:
        """See `Mailbox.report`."""
        self._check_sent(wait=False)
        self._sending.append(self._sender.submit(self._send, report))

    def wait_decided(self, number: int, epoch: int, timeout_s: float) -> bool:
        """See `Mailbox.wait_decided`."""
        waiting = self._actor.wait_decided.remote(number, epoch, timeout_s)
        return bool(ray.get(waiting))

    def wait_stop(self, number: int, timeout_s: float) -> bool:
        """See `Mailbox.wait_stop`."""
        return bool(ray.get(self._actor.wait_stop.remote(number, timeout_s)))

    def watch_stop(self, number: int) -> "StopWatch":
        """A question that is answered without a round trip."""
        return StopWatch(self._actor, number)

    def note_hang(self, error: Exception) -> None:
        """See `Mailbox.note_hang`; a mailbox that is gone has no use for it."""
        text = "".join(traceback.format_exception(error))
        with suppress(ray.exceptions.RayError):
            ray.get(self._actor.note_hang.remote(text), timeout=NOTE_S)

    def end(self, ended: Ended) -> None:
        """See `Mailbox.end`; comes after every report."""
        if ended.status != "failed":
            self._check_sent(wait=True)
        self._sender.submit(lambda: ray.get(self._actor.end.remote(ended))).result()

    def _check_sent(self, *, wait: bool) -> None:
        """Raise what kept a report from its way: its epoch would be missing."""
        while self._sending and (wait or self._sending[0].done()):
            self._sending.pop(0).result()

    def _send(self, report: Report) -> None:
        state = report.state
        packed = pack_state(state) if isinstance(state, State) else state
        fields = {**report.__dict__, "state": packed}
        sent = self._actor.report.remote(Report(**fields))
        self._wants_states = bool(ray.get(sent))


class StopWatch:
    """Whether a trial is to be left: one long call is always under way."""

    def __init__(self, actor: Any, number: int) -> None:  # noqa: ANN401
        self._actor = actor
        self._number = number
        self._waiting = actor.wait_stop.remote(number, STOP_WATCH_S)
        self._is_stopped = False

    def __call__(self) -> bool:
        """Look whether the answer has come; costs no wait."""
        if self._is_stopped:
            return True
        ready, _ = ray.wait([self._waiting], timeout=0)
        if ready:
            self._is_stopped = bool(ray.get(self._waiting))
            self._waiting = self._actor.wait_stop.remote(self._number, STOP_WATCH_S)
        return self._is_stopped
