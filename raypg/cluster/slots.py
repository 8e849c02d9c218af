"""How many trials a cluster has room for, as its nodes come and go."""

import sys
import time

from raypg.cluster.autoscaler import ask_for, has_autoscaler
from raypg.cluster.connect import Need
from raypg.cluster.room import num_slots

AGE_S = 1.0
"""How old the count may be; asking Ray takes about a millisecond."""
SILENCE_S = 10.0
"""A wait for room that is longer is told."""


class Slots:
    """Counts the room for trials, anew as the cluster changes; asks for more of it.

    Args:
        need: resources of one trial.
        max_concurrent: cap on trials at a time; 0 is as many as fit.
    """

    def __init__(self, need: Need, max_concurrent: int = 0) -> None:
        self._need = need
        self._max_concurrent = max_concurrent
        self._slots = 0
        self._counted_at = -AGE_S
        self._had_room_at = time.monotonic()
        self._is_told = False
        self._asks = has_autoscaler()
        self._num_asked = 0

    def __call__(self, num_left: int) -> int:
        """How many trials may be under way, of as many that are still to end."""
        now = time.monotonic()
        if now - self._counted_at >= AGE_S:
            self._counted_at, self._slots = now, num_slots(self._need)
            self._tell(now)
        if self._asks:
            self._ask(min(num_left, self._max_concurrent or num_left))
        return min(self._slots, self._max_concurrent or self._slots)

    def close(self) -> None:
        """Ask for no more nodes."""
        if self._asks:
            self._ask(0)

    def _ask(self, num_trials: int) -> None:
        if num_trials != self._num_asked:
            ask_for(self._need, num_trials)
            self._num_asked = num_trials

    def _tell(self, now: float) -> None:
        if self._slots:
            self._had_room_at = now
            if self._is_told:
                _say("the cluster has room again")
            self._is_told = False
        elif not self._is_told and now - self._had_room_at >= SILENCE_S:
            _say("the cluster has no room for a single trial; waiting for nodes")
            self._is_told = True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
