"""A worker that hangs says where, and its process ends: it is then met as a dead one.

A thread that is stuck cannot be ended, so the process must go. While the interpreter
runs, a second thread sees the silence and tells of it. Where nothing runs any more (the
thread holds the interpreter's lock, or the process was stopped), a timer of the kernel
ends the process, and nobody tells.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from raypg.cluster.kill_timer import KillTimer
from raypg.errors import ClusterError

FIRST_STEP_RATIO = 5
"""The first step of a trial may take this many times as long: data are loaded, kernels
chosen."""

LOOK_EVERY_S = 1.0
"""How often the second thread looks, and how seldom the kernel's timer is set anew."""

GRACE_S = 3.0
"""Between what is told of a hang and the end of its process."""


class Pulse:
    """Watches over the thread that trains in this process.

    Args:
        on_hang: told, in another thread, what is wrong; its notes say where.
    """

    def __init__(self, on_hang: Callable[[ClusterError], object]) -> None:
        self._on_hang = on_hang
        self._timer = KillTimer()
        self._watcher: threading.Thread | None = None
        self._trial = ""
        self._limit_s = self._allowed_s = 0.0
        self._thread = 0
        self._beaten = self._armed = 0.0

    @contextmanager
    def watching(self, trial: str, limit_s: float) -> Iterator[None]:
        """Watch over the calling thread while the body runs.

        Args:
            trial: what it trains, for the error.
            limit_s: longest silence; 0 watches nothing.
        """
        if not limit_s:
            yield
            return
        self._trial, self._thread = trial, threading.get_ident()
        self._beaten = time.monotonic()
        self._allow(limit_s * FIRST_STEP_RATIO)
        self._limit_s = limit_s
        self._start_watcher()
        try:
            yield
        finally:
            self.rest()

    def rest(self) -> None:
        """Watch no more."""
        self._limit_s = self._allowed_s = 0.0
        self._timer.clear()

    def beat(self) -> None:
        """A sign of life; to be given at every step."""
        self._beaten = now = time.monotonic()
        is_first = self._allowed_s != self._limit_s
        if self._limit_s and (is_first or now - self._armed >= LOOK_EVERY_S):
            self._allow(self._limit_s)

    def _allow(self, seconds: float) -> None:
        self._armed = time.monotonic()
        self._allowed_s = seconds
        # Later than the second thread, which can tell of it.
        self._timer.set(seconds + 2 * LOOK_EVERY_S + GRACE_S)

    def _start_watcher(self) -> None:
        if self._watcher is None:
            self._watcher = threading.Thread(
                target=self._watch, name="raypg-pulse", daemon=True
            )
            self._watcher.start()

    def _watch(self) -> None:
        while not self._is_hung():
            time.sleep(LOOK_EVERY_S)
        self._on_hang(self._error())
        time.sleep(GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    def _is_hung(self) -> bool:
        allowed_s = self._allowed_s
        return allowed_s > 0 and time.monotonic() - self._beaten > allowed_s

    def _error(self) -> ClusterError:
        rule = f"must give a sign of life within {self._allowed_s:g} s (--hang-timeout)"
        found = f"{time.monotonic() - self._beaten:.0f} s of silence"
        error = ClusterError(self._trial, rule, found, "Its process is ended.")
        frame = sys._current_frames().get(self._thread)
        error.add_note("It hangs at:\n" + "".join(traceback.format_stack(frame)))
        return error
