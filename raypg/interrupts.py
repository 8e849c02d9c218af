"""Ctrl-C ends what is under way gently, and at once when it comes a second time."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STDERR = 2


@contextmanager
def gentle_interrupts(note: Callable[[str], None]) -> Iterator[None]:
    """Take SIGINT and SIGTERM as a wish to end; a second one is a KeyboardInterrupt.

    Does nothing outside the main thread, which alone may handle signals.

    Args:
        note: told the name of the first signal, between two instructions of the main
            thread; it should only set a flag.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        note(signal.Signals(number).name)
        # Not print: a handler may run inside another print, which must not reenter.
        os.write(STDERR, b"Ending gently; once more to end at once.\n")

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
