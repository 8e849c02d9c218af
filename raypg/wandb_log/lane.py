"""A thread of its own for W&B, behind a queue that nobody waits for."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from raypg.wandb_log.session import Facts, Session

MOST_EVENTS = 10_000
"""Waiting in a lane, of an epoch or an end each; more are dropped."""

Act = Callable[[Any], object]
"""What is done to a `wandb.Run`."""


class Lane:
    """One thread that acts on the runs of some trials, in the order of their events."""

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self._session = session
        self._say = say
        self._known: set[str] = set()
        self._runs: dict[str, Any] = {}
        self._events: queue.Queue[tuple[str, Facts | None, Act, bool] | None]
        self._events = queue.Queue(MOST_EVENTS)
        self._is_broken = False
        self._thread = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._thread.start()

    def put(
        self,
        trial: str,
        describe: Callable[[], Facts],
        act: Act,
        *,
        is_last: bool = False,
    ) -> None:
        """Have something done to a trial's run; dropped where too much is waiting.

        Args:
            trial: its id.
            describe: asked the first time alone, for what the run says of the trial.
            act: what is to be done.
            is_last: whether nothing follows.
        """
        if self._is_broken:
            return
        is_new = trial not in self._known
        self._known.add(trial)
        facts = describe() if is_new else None
        if is_last:
            self._known.discard(trial)
        try:
            self._events.put_nowait((trial, facts, act, is_last))
        except queue.Full:
            self._say("it is slower than the sweep; some epochs are not logged")

    def close(self) -> None:
        """Let the thread end once it has done what is waiting."""
        try:
            self._events.put_nowait(None)
        except queue.Full:
            self._is_broken = True

    def join(self, timeout_s: float) -> None:
        """Wait for the thread."""
        self._thread.join(max(0.0, timeout_s))

    def is_alive(self) -> bool:
        """Whether there is something left to do."""
        return self._thread.is_alive()

    def _work(self) -> None:
        while (event := self._events.get()) is not None and not self._is_broken:
            try:
                self._do(*event)
            except Exception as error:  # W&B's trouble is no trouble of the sweep
                self._say(f"{type(error).__name__}: {error}")
        for run in self._runs.values():
            # Nobody said how its trial ended.
            with suppress(Exception):
                run.finish(exit_code=1)

    def _do(self, trial: str, facts: Facts | None, act: Act, is_last: bool) -> None:
        if facts is not None and trial not in self._runs:
            try:
                self._runs[trial] = self._session.open(facts)
            except Exception:
                # The next trial would fail in the same way, and take as long.
                self._is_broken = True
                raise
        run = self._runs.pop(trial, None) if is_last else self._runs.get(trial)
        if run is not None:
            act(run)
