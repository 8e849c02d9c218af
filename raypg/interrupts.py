"""Ctrl-C ends what is under way gently, and at once when it comes a second time."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
        print("Ending gently; once more to end at once.", file=sys.stderr)

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
