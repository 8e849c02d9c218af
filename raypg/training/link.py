"""The training loop's only way out: who hears of an epoch and who may stop it."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from raypg.training.state import State

Metrics = Mapping[str, float]


class Link(Protocol):
    """What a training loop is given to speak with the rest of the system.

    Laptop, test and cluster differ in nothing else.
    """

    def describe(self, columns: Mapping[str, object]) -> None:
        """Columns of `trials` that are known before the first epoch; called once."""

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Hand over a finished epoch (from 1).

        Blocks while the report before is undecided, so that training runs ahead by one
        epoch at most. `snapshot()` gives the state at the end of this epoch; it costs a
        copy of it, and is called within `report` or never.
        """

    def should_stop(self) -> bool:
        """Whether the trial is to end now; asked every few steps of rank 0."""

    def beat(self) -> None:
        """A sign of life: a step is over, or a batch of an evaluation."""

    def rest(self) -> None:
        """No more signs will come: what follows waits for a store."""


class SilentLink:
    """The link of ranks other than the first: tells no one, asks no one."""

    def describe(self, columns: Mapping[str, object]) -> None:
        """Do nothing: rank 0 speaks for all."""

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Do nothing: rank 0 reports for all."""

    def should_stop(self) -> bool:
        """False: rank 0 is asked for all."""
        return False

    def beat(self) -> None:
        """Do nothing: rank 0 waits for all at each step."""

    def rest(self) -> None:
        """Do nothing."""


def freeze(metrics: Mapping[str, Any]) -> Metrics:
    """The metrics as plain floats, so that they cross processes and tables."""
    return {name: float(value) for name, value in metrics.items()}
