"""What each axis of a fractional design does: half of its runs against the other half.

In a fraction no two runs differ in one axis alone. Where every two axes have each pair
of their values equally often, the means over an axis' values still differ by its own
effect, and by interactions that its resolution says.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from raypg.faults import format_value
from raypg.results.memo import FlatRow


@dataclass(frozen=True)
class Contrast:
    """A value of an axis over all runs that have it.

    Attributes:
        name: as one would override it.
        reached: the means, one a seed.
        against: what it has over the baseline's value, one a seed; none of that value.
        resolution: of the design; at 3 interactions of two axes are in it, too.
    """

    name: str
    reached: Sequence[float]
    against: Sequence[float]
    resolution: int


def find_contrasts(
    rows: Sequence[FlatRow], metric: str, axes: Sequence[str], baseline: FlatRow
) -> list[Contrast]:
    """The contrasts of a two-level fraction; none where the trials are none.

    Args:
        rows: of `trials` that ended well, each with a value of the metric.
        metric: its column.
        axes: dotted names, without `config.`.
        baseline: one of the rows.
    """
    columns = [f"config.{axis}" for axis in axes]
    runs: dict[tuple[str, ...], dict[int, float]] = {}
    for row in rows:
        place = tuple(repr(row.get(column)) for column in columns)
        runs.setdefault(place, {})[row["seed"]] = row[metric]
    resolution = resolution_of(list(runs))
    seeds = sorted(set.intersection(*(set(one) for one in runs.values())))
    if not resolution or not seeds:
        return []
    found = []
    for axis, column in enumerate(columns):
        values = {repr(row.get(column)): row.get(column) for row in rows}
        own = repr(baseline.get(column))
        means = {
            level: [
                fmean([run[seed] for at, run in runs.items() if at[axis] == level])
                for seed in seeds
            ]
            for level in values
        }
        for level, value in values.items():
            pairs = zip(means[level], means[own], strict=True)
            against = [] if level == own else [one - other for one, other in pairs]
            name = f"{axes[axis]}={format_value(value)}"
            found.append(Contrast(name, means[level], against, resolution))
    return found


def resolution_of(runs: Sequence[tuple[str, ...]]) -> int:
    """Of a two-level fraction, at most 5; 0 of runs that are none.

    Args:
        runs: the values of all axes, each run once.
    """
    num_axes = len(runs[0])
    if num_axes < 2 or any(len({run[a] for run in runs}) != 2 for a in range(num_axes)):
        return 0
    if len(runs) == 2**num_axes:
        return 0  # whole: its pairs of runs say more
    strength = 1
    while strength < 4 and _is_balanced(runs, strength + 1):
        strength += 1
    return strength + 1 if strength > 1 else 0


def _is_balanced(runs: Sequence[tuple[str, ...]], num: int) -> bool:
    """Whether any so many axes have all combinations of values equally often."""
    num = min(num, len(runs[0]))
    for some in combinations(range(len(runs[0])), num):
        seen = Counter(tuple(run[axis] for axis in some) for run in runs)
        if len(seen) < 2**num or len(set(seen.values())) > 1:
            return False
    return True
