"""Two things timed in turn, because a shared machine drifts: the ratio is what counts.

A pair during which other processes took more than `OTHERS_LIMIT` of the CPUs is
repeated, as often again as there are pairs; what stays disturbed is said in the note.
"""

import math
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

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
        """Of the median ratio: at least 95 % from six pairs on, else all there is."""
        num = len(self.ratios)
        rank, tail = 0, 1 / 2**num
        while 2 * (tail + math.comb(num, rank + 1) / 2**num) <= 0.05:
            rank += 1
            tail += math.comb(num, rank) / 2**num
        return self.ratios[rank], self.ratios[-1 - rank]

    def row(self, name: str, unit: str, goal: str, note: str) -> dict[str, object]:
        """What the table of `make bench` shows."""
        low, high = self.interval
        if self.num_disturbed:
            note += f"; others took CPU in {self.num_disturbed} of {len(self.ours)}"
        return {
            "name": name,
            "ours": median(self.ours),
            "peer": median(self.peer),
            "unit": unit,
            "ratio": median(self.ratios),
            "interval_low": low,
            "interval_high": high,
            "goal": goal,
            "note": note,
        }


def measure_pairs(
    ours: Callable[[], float], peer: Callable[[], float], num_pairs: int
) -> Pairs:
    """Call both in turn, who is first changing from pair to pair."""
    calm: list[tuple[float, float]] = []
    disturbed: list[tuple[float, float]] = []
    while len(calm) < num_pairs and len(calm) + len(disturbed) < 2 * num_pairs:
        before, start = _cpu_of_others(), time.perf_counter()
        if len(calm + disturbed) % 2:
            second, first = peer(), ours()
        else:
            first, second = ours(), peer()
        capacity_s = (time.perf_counter() - start) * (os.cpu_count() or 1)
        is_calm = _cpu_of_others() - before <= OTHERS_LIMIT * capacity_s
        (calm if is_calm else disturbed).append((first, second))
    kept = (calm + disturbed)[:num_pairs]
    return Pairs(
        ours=tuple(first for first, _ in kept),
        peer=tuple(second for _, second in kept),
        num_disturbed=max(0, num_pairs - len(calm)),
    )


def _cpu_of_others() -> float:
    """Seconds of CPU that processes other than ours and its children have taken.

    0 where the system does not tell (no /proc).
    """
    if not Path("/proc/stat").exists():
        return 0.0
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, soft, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    own = sum(os.times()[:4])  # with children that have ended
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        own += (int(fields[11]) + int(fields[12])) / tick
    return (user + nice + system + irq + soft) / tick - own
