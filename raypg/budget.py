"""What a sweep may spend: time, epochs or GPU-hours; then it ends with what it has."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raypg.entries import Entry
from raypg.errors import ConfigError

BUDGET = "--budget"
LEAD_S = 10.0
"""Before the time is up trials are told to save; at most a tenth of the budget."""

_FORM = re.compile(r"(\d+(?:\.\d*)?|\.\d+) *(s|m|h|d|epochs?|gpuh)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Budget:
    """A limit of one session of a sweep.

    Attributes:
        text: as it was typed.
        amount: seconds, epochs or GPU-seconds.
        kind: `time`, `epochs` or `gpu`.
    """

    text: str
    amount: float
    kind: str


def parse_budget(text: str) -> Budget | None:
    """What the option asks for; None where it is empty.

    Raises:
        ConfigError: it is something else.
    """
    if not text:
        return None
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or not float(found[1]):
        rule = "must be a time, epochs or GPU-hours, as 90m, 2h, 300epochs or 4gpuh"
        raise ConfigError(BUDGET, rule, f'"{text}"', "Change it.")
    amount, unit = float(found[1]), found[2]
    if unit == "gpuh":
        return Budget(text, 3600 * amount, "gpu")
    if unit.startswith("epoch"):
        return Budget(text, amount, "epochs")
    return Budget(text, amount * _SECONDS[unit], "time")


class Spending:
    """Counts what is spent, an audience of the ledger while it is open.

    Args:
        budget: the limit.
        num_gpus: of a trial.
        end: told once why the sweep is to end; for any thread.
    """

    def __init__(
        self, budget: Budget, num_gpus: float, end: Callable[[str], None]
    ) -> None:
        self._budget, self._num_gpus, self._end = budget, num_gpus, end
        self._spent = 0.0
        lead_s = min(LEAD_S, budget.amount / 10)
        self._timer = threading.Timer(budget.amount - lead_s, self._tell)
        self._timer.daemon = True

    def __enter__(self) -> "Spending":
        if self._budget.kind == "time":
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happens now costs nothing more."""
        self._timer.cancel()

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Book an epoch."""
        if self._budget.kind == "time":
            return
        gpu_s = metrics.get("epoch_s", 0.0) * self._num_gpus
        self._spent += 1 if self._budget.kind == "epochs" else gpu_s
        if self._spent >= self._budget.amount:
            self._tell()

    def on_end(self, entry: Entry) -> None:
        """Nothing: its epochs are booked."""

    def _tell(self) -> None:
        self._end(f"{BUDGET} {self._budget.text} is spent")
