"""Numbers that are known only to lie between two others."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float

    def plus(self, other: "Span") -> "Span":
        """The sum of two."""
        return Span(self.low + other.low, self.high + other.high)

    def times(self, other: "Span | float") -> "Span":
        """The product with a number, or with another span; nothing is below 0."""
        if not isinstance(other, Span):
            other = Span(other, other)
        return Span(self.low * other.low, self.high * other.high)


def exactly(value: float) -> Span:
    """A number that is known."""
    return Span(value, value)


def at_most(value: float) -> Span:
    """Up to a number, or nothing at all."""
    return Span(0.0, value)


def total(spans: Iterable[Span]) -> Span:
    """The sum of many."""
    low = high = 0.0
    for span in spans:
        low, high = low + span.low, high + span.high
    return Span(low, high)


def middle_of(values: Iterable[float]) -> Span:
    """From the lowest tenth of some measurements to the highest tenth."""
    ordered = sorted(values)
    cut = len(ordered) // 10
    return Span(ordered[cut], ordered[-1 - cut])
