"""Two things timed in turn, because a shared machine drifts: the ratio is what counts.

A pair during which other processes took more than `OTHERS_LIMIT` of the CPUs is
repeated, as often as there are spares; what stays disturbed is said in the note.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from tests.benchmarks.machine import cpu_of_others

A = TypeVar("A")
B = TypeVar("B")

OTHERS_LIMIT = 0.1
"""Of all CPUs, over the wall time of a pair."""


@dataclass(frozen=True)
class Pairs:
    """Measurements of ours and of the peer, made in turn.

    Args:
        ours: one value a pair.
        peer: the same, of the peer.
        num_disturbed: pairs that were kept though others took CPU.
    """

    ours: tuple[float, ...]
    peer: tuple[float, ...]
    num_disturbed: int

    @property
    def ratios(self) -> list[float]:
        """Ours ÷ peer, rising."""
        return sorted(a / b for a, b in zip(self.ours, self.peer, strict=True))

    @property
    def interval(self) -> tuple[float, float]:
        """Of the median ratio, see `median_interval`."""
        return median_interval(self.ratios)

    def row(self, name: str, unit: str, goal: str, note: str) -> dict[str, object]:
        """What the table of `make bench` shows."""
        low, high = self.interval
        ours_low, ours_high = median_interval(self.ours)
        num = len(self.ours)
        if self.num_disturbed:
            note += f"; others took CPU in {self.num_disturbed} of {num}"
        return {
            "name": name,
            "ours": median(self.ours),
            "ours_low": ours_low,
            "ours_high": ours_high,
            "peer": median(self.peer),
            "unit": unit,
            "ratio": median(self.ratios),
            "interval_low": low,
            "interval_high": high,
            "goal": goal,
            "num_pairs": num,
            "num_disturbed": self.num_disturbed,
            "note": f"{note}; the interval is all {num}" if 1 < num < 6 else note,
        }


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Of the median of all values: at least 95 % from six on, else all there is."""
    ordered, num = sorted(values), len(values)
    rank, tail = 0, 1 / 2**num
    while 2 * (tail + math.comb(num, rank + 1) / 2**num) <= 0.05:
        rank += 1
        tail += math.comb(num, rank) / 2**num
    return ordered[rank], ordered[-1 - rank]


def measure_pairs(
    ours: Callable[[], float], peer: Callable[[], float], num_pairs: int
) -> Pairs:
    """Call both in turn, who is first changing from pair to pair."""
    kept, num_disturbed = run_pairs(ours, peer, num_pairs, num_spare=num_pairs)
    return Pairs(
        ours=tuple(first for first, _ in kept),
        peer=tuple(second for _, second in kept),
        num_disturbed=num_disturbed,
    )


def run_pairs(
    ours: Callable[[], A], peer: Callable[[], B], num_pairs: int, *, num_spare: int
) -> tuple[list[tuple[A, B]], int]:
    """Call both in turn, who is first changing from pair to pair.

    Args:
        ours: gives whatever is measured.
        peer: the same, of the peer.
        num_pairs: how many are wanted.
        num_spare: how many more are made where others took CPU.

    Returns:
        The pairs, the calm ones first, and how many of them were disturbed.
    """
    calm: list[tuple[A, B]] = []
    disturbed: list[tuple[A, B]] = []
    while len(calm) < num_pairs and len(calm + disturbed) < num_pairs + num_spare:
        before, start = cpu_of_others(), time.perf_counter()
        if len(calm + disturbed) % 2:
            second, first = peer(), ours()
        else:
            first, second = ours(), peer()
        capacity_s = (time.perf_counter() - start) * (os.cpu_count() or 1)
        is_calm = cpu_of_others() - before <= OTHERS_LIMIT * capacity_s
        (calm if is_calm else disturbed).append((first, second))
    return (calm + disturbed)[:num_pairs], max(0, num_pairs - len(calm))
