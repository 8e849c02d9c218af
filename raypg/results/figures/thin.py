"""Fewer of a thing, where so many could be neither told apart nor sent.

A report is to stay below 6 MB, of which plotly.js takes 4.8: so a figure has at most
some 100 kB, however many trials there are and however long their names. Whatever leaves
something out says so in its caption.
"""

from collections.abc import Sequence
from typing import TypeVar

MOST_CURVES = 150
MOST_POINTS = 60
"""Of one curve."""

MOST_DOTS = 400
"""Of a figure with a point a trial."""

MOST_BEHIND = 80
"""Curves that are drawn pale behind a mean."""

MOST_STRANDS = 30
"""Single trials of one arm."""

_LEAST_POINTS = 12
MOST_IN_ALL = 3_000
"""Points of all thin curves of a figure."""

One = TypeVar("One")


def points_each(num_curves: int, in_all: int = MOST_IN_ALL) -> int:
    """How many points each of so many thin curves may have.

    Args:
        num_curves: at least 0.
        in_all: points of all of them together, as far as each has enough.
    """
    return min(MOST_POINTS, max(_LEAST_POINTS, in_all // max(1, num_curves)))


def pick_evenly(items: Sequence[One], most: int) -> list[One]:
    """At most so many, evenly apart, with the first and the last one.

    Args:
        items: in an order that means something.
        most: at least 2.
    """
    last = len(items) - 1
    if last < most:
        return [*items]
    return [items[round(place * last / (most - 1))] for place in range(most)]
