"""A sweep as it is told to a pipe: a line a trial that ends, and a sign of life."""

import time

from raypg.results.columns import ENDED
from raypg.results.watch.look import Look, describe_end

SIGN_EVERY_S = 30.0
"""Longest silence while a sweep is running."""


class Lines:
    """Says what has changed since the look before; used in a `with` as `Screen` is."""

    def __init__(self) -> None:
        self._statuses: dict[str, str] | None = None
        self._spoke = 0.0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def show(self, look: Look) -> None:
        """Say which trials have ended; what ended before the first look is counted."""
        now = {row["trial"]: row["status"] for row in look.rows}
        before, self._statuses = self._statuses, now
        if before is None:
            self.say(look.describe())
            return
        changed = [
            row
            for row in look.rows
            if row["status"] not in (before.get(row["trial"]), "running")
        ]
        ended = look.num_ended - sum(row["status"] in ENDED for row in changed)
        for row in sorted(changed, key=lambda row: str(row["finished"])):
            ended += row["status"] in ENDED
            self.say(f"[{ended}/{look.planned}] {describe_end(row, look.metric)}")
        if time.monotonic() - self._spoke >= SIGN_EVERY_S:
            self.say(look.describe())

    def say(self, line: str) -> None:
        """Print a line that whoever reads the pipe has at once."""
        self._spoke = time.monotonic()
        print(line, flush=True)
