"""What the trials of a full design reached, as an array: seeds by values of each axis.

S seeds, then one dimension an axis, in the order of the axes; NaN where a trial is
missing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.faults import format_value
from raypg.results.memo import FlatRow


@dataclass(frozen=True)
class Grid:
    """The values of a metric over seeds and axes.

    Attributes:
        axes: dotted names, without `config.`.
        levels: the values of each axis, in the order in which they were proposed.
        base: the index of the baseline's value, of each axis.
        values: of the metric, float64, S × levels of each axis.
    """

    axes: Sequence[str]
    levels: Sequence[Sequence[object]]
    base: Sequence[int]
    values: Any

    @property
    def is_whole(self) -> bool:
        """Whether every combination has a value in every seed."""
        return bool(np.isfinite(self.values).all())

    def crossed(self) -> list[int]:
        """The axes that vary while another one has several values; by index."""
        found = []
        for axis in range(len(self.axes)):
            held = np.isfinite(self._against_base(axis)).any(axis=0)
            others = held.any(axis=axis)
            if others.sum() > 1:
                found.append(axis)
        return found

    def marginal(self, axis: int, level: int) -> tuple[list[float], list[float]]:
        """A value of an axis over all others: what it reached, and against the base's.

        Returns:
            The means, one a seed, and the differences, one a seed that has any.
        """
        reached = self.values.take(level, axis=1 + axis)
        return _by_seed(reached), _by_seed(
            self._against_base(axis).take(level, 1 + axis)
        )

    def interaction(
        self, axes: tuple[int, int], levels: tuple[int, int]
    ) -> list[float]:
        """A difference of differences, one number a seed; averaged over other axes.

        What the first axis' value changes beside the second's, less what it changes
        beside the baseline's value of the second.
        """
        first, second = axes
        effect = self._against_base(first).take([levels[0]], axis=1 + first)
        there = effect.take([levels[1]], axis=1 + second)
        here = effect.take([self.base[second]], axis=1 + second)
        return _by_seed(there - here)

    def changes(self, axis: int) -> Iterator[int]:
        """The values of an axis but the baseline's, by index."""
        return (i for i in range(len(self.levels[axis])) if i != self.base[axis])

    def name(self, axis: int, level: int) -> str:
        """As one would override it."""
        return f"{self.axes[axis]}={format_value(self.levels[axis][level])}"

    def _against_base(self, axis: int) -> Any:  # noqa: ANN401 numpy's array
        base = self.values.take([self.base[axis]], axis=1 + axis)
        against = self.values - base
        index = [slice(None)] * against.ndim
        index[1 + axis] = self.base[axis]  # type: ignore[call-overload]
        against[tuple(index)] = np.nan  # with itself nothing is compared
        return against


def build_grid(
    rows: Sequence[FlatRow], metric: str, axes: Sequence[str], baseline: FlatRow
) -> Grid:
    """The grid of trials that ended well.

    Args:
        rows: of `trials`, each with a value of the metric.
        metric: its column.
        axes: dotted names, without `config.`.
        baseline: a trial of the baseline; one of the rows.
    """
    columns = [f"config.{axis}" for axis in axes]
    # By their text: the values of an axis may be lists.
    levels = [
        [*{repr(row.get(column)): row.get(column) for row in rows}.values()]
        for column in columns
    ]
    seeds = sorted({row["seed"] for row in rows})
    values = np.full((len(seeds), *map(len, levels)), np.nan)
    for row in rows:
        values[(seeds.index(row["seed"]), *_place(row, columns, levels))] = row[metric]
    return Grid(axes, levels, _place(baseline, columns, levels), values)


def num_cells(rows: Sequence[FlatRow], axes: Sequence[str]) -> int:
    """How many cells the grid of some trials would have."""
    columns = ["seed", *(f"config.{axis}" for axis in axes)]
    return math.prod(len({repr(row.get(name)) for row in rows}) for name in columns)


def _place(
    row: FlatRow, columns: Sequence[str], levels: Sequence[Sequence[object]]
) -> tuple[int, ...]:
    return tuple(
        found.index(row.get(column))
        for column, found in zip(columns, levels, strict=True)
    )


def _by_seed(values: Any) -> list[float]:  # noqa: ANN401 numpy's array
    """The mean of what each seed has; of those that have any."""
    known = [row[np.isfinite(row)] for row in values.reshape(len(values), -1)]
    return [float(row.mean()) for row in known if row.size]
