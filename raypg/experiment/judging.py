"""Who decides which trials of a sweep go on, told epoch by epoch; it knows no cluster.

A trial that a judge lets wait gives up its worker. Whoever runs the sweep asks for the
judge's moves, and carries them out in their order.
"""

from collections.abc import Mapping, Sequence
from ctypes import c_float
from dataclasses import dataclass, field
from typing import Protocol

from raypg.space import Value


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a trial that waits."""

    key: str
    """Its fingerprint."""
    epoch: int = 0
    """At which it waits."""
    goes_on: bool = True
    """Else it is stopped where it is."""
    donor: str = ""
    """The trial from whose state it goes on; empty: from its own."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What the axes are from its next epoch on; empty: as they were."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An epoch that the tables have of a trial."""

    epoch: int
    value: float
    """Of the sweep's metric."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What the axes were; empty where they do not change."""


def as_stored(value: float) -> float:
    """In single precision, as the tables have it: a resume finds the same ties."""
    return c_float(value).value


class Judge(Protocol):
    """Decides; every method is called by one thread."""

    def replay(
        self,
        key: str,
        values: Mapping[str, Value],
        seen: Sequence[Seen],
        resumed: int | None,
    ) -> None:
        """Take in a trial of an earlier session, in the order in which they began.

        Args:
            key: its fingerprint.
            values: what its axes began with.
            seen: its epochs, in order.
            resumed: the epoch that it goes on from; None: it has ended.
        """

    def enter(self, key: str, values: Mapping[str, Value]) -> bool:
        """A trial begins, or goes on after a replay; whether it has to wait first."""

    def report(self, key: str, epoch: int, value: float) -> bool:
        """An epoch of a trial; whether it has to wait. May be told again."""

    def leave(self, key: str) -> None:
        """A trial has ended by itself: completed or failed."""

    def close(self) -> None:
        """No further trial will begin."""

    def moves(self) -> Sequence[Move]:
        """What is decided by now and was not told yet; asked while a slot is free."""

    def state(self, key: str) -> Move:
        """What a trial's axes are, and whom it has just copied, where they change."""
