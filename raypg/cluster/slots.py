"""How many trials a cluster has room for, as its nodes come and go."""

import sys
import time

from raypg.cluster.connect import Need, num_slots

AGE_S = 1.0
"""How old the count may be; asking Ray takes about a millisecond."""
SILENCE_S = 10.0
"""A wait for room that is longer is told."""


class Slots:
    """Counts the room for trials, anew as the cluster changes.

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

    def __call__(self) -> int:
        """How many trials may be under way."""
        now = time.monotonic()
        if now - self._counted_at >= AGE_S:
            self._counted_at, self._slots = now, num_slots(self._need)
            self._tell(now)
        return min(self._slots, self._max_concurrent or self._slots)

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
