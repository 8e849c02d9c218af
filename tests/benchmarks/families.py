"""Commands that run by turns on all cores: while one trains, the other stands still.

The clock of a shared machine changes by a third within seconds, so that neighbours in
time must be near. A command stands still with all that it has started (SIGSTOP), so
that whatever it does is done in its own turns.
"""

import contextlib
import os
import signal
import time
from collections.abc import Sequence

import numpy as np
import psutil

Turns = list[tuple[float, float]]
"""Begin and end of each, as `time.time()`."""


class Family:
    """A process and all that descend from it; they stand still but in their turns."""

    def __init__(self, *roots: int) -> None:
        self._roots = [psutil.Process(pid) for pid in roots]
        self._members: list[int] = []
        self.turns: Turns = []
        self._halt()

    def take_turn(self, seconds: float) -> None:
        """Go on for so long."""
        self.go_on()
        started = time.time()
        time.sleep(seconds)
        self.turns.append((started, self._halt()))

    def go_on(self) -> None:
        """Go on without an end."""
        self._signal(signal.SIGCONT)

    def _halt(self) -> float:
        """Stand still; returns since when."""
        self._members = []
        for root in self._roots:
            with contextlib.suppress(psutil.Error):
                family = [root, *root.children(recursive=True)]
                self._members += [process.pid for process in family]
        halted = time.time()
        self._signal(signal.SIGSTOP)
        return halted

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def work_of_turns(turns: Turns, slots: Sequence[Sequence[float]]) -> list[float]:
    """Epochs a second in each turn, of all slots; NaN where a slot has no work left.

    An epoch that two turns share is divided between them by its time in each.

    Args:
        turns: of one family.
        slots: the ends of the epochs of each slot, rising.
    """
    bounds = np.cumsum([0.0, *(end - begin for begin, end in turns)])
    rates = np.zeros(len(turns))
    for ends in slots:
        active = [_active_s(turns, bounds.tolist(), moment) for moment in ends]
        numbers = np.arange(len(ends), dtype=float)
        done = np.interp(bounds, active, numbers, left=np.nan, right=np.nan)
        rates += np.diff(done) / np.diff(bounds)
    return [float(rate) for rate in rates]


def _active_s(turns: Turns, bounds: Sequence[float], moment: float) -> float:
    """Seconds of turns before a moment; negative before the first of them."""
    if moment < turns[0][0]:
        return moment - turns[0][0]
    for (begin, end), before in zip(turns, bounds, strict=False):
        if moment <= end:
            return float(before + max(0.0, moment - begin))
    return float(bounds[-1] + moment - turns[-1][1])
