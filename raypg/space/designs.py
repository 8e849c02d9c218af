"""The arms that each design makes of an ablation's axes, or that it names itself."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from raypg.errors import SpaceError
from raypg.faults import format_value, quote_value
from raypg.space.ablation import Ablation
from raypg.space.distributions import Value, is_same
from raypg.space.fractions import build_fraction
from raypg.space.path import Path
from raypg.space.search import Search

BASELINE = "baseline"
"""The label of a baseline arm that is not one of the grid's."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One config of an ablation, all its seeds."""

    label: str
    """What one would type to get it: `model.depth=22`; or its name."""
    values: Mapping[str, Value]


def build_arms(
    ablation: Ablation, start: Mapping[str, Value]
) -> tuple[list[Arm], Arm | None]:
    """The arms of an ablation in the order they run, and which is the baseline.

    Of named arms it is None where none was named as such.

    Args:
        ablation: the space.
        start: the value that each axis has in the base; an axis that the base's model
            or optimizer does not have is left out.
    """
    if ablation.arms:
        arms = {name: Arm(name, values) for name, values in ablation.arms.items()}
        return [*arms.values()], arms.get(str(ablation.baseline))
    assert not isinstance(ablation.baseline, str)
    named = dict(ablation.baseline or {})
    start = {**start, **named}
    if ablation.design in ("one_at_a_time", "leave_one_out", "pairs"):
        baseline = Arm(BASELINE, named)
        changes = list(_changes(ablation, start))
        several = [[one] for one in changes]
        if ablation.design == "pairs":
            pairs = itertools.combinations(changes, 2)
            several += [list(two) for two in pairs if two[0][0] != two[1][0]]
        return [baseline, *(_changed(named, some) for some in several)], baseline
    grid = [
        _labelled(dict(zip(ablation.axes, values, strict=True)))
        for values in _combinations(ablation)
    ]
    for arm in grid:
        if _has_values(arm, start):
            return grid, arm
    if ablation.baseline is None:
        return grid, grid[0]
    baseline = Arm(BASELINE, named)
    return [baseline, *grid], baseline


def varies_by_trial(space: Ablation | Search | Path, key: str) -> bool:
    """Whether trials of a space may differ in a key because the space says so."""
    arms = space.arms.values() if isinstance(space, Ablation) else ()
    return key in space.axes or any(key in values for values in arms)


def label_values(values: Mapping[str, Value]) -> str:
    """What a drawn trial is called: its values, to four digits."""
    parts = (
        f"{axis}={value:.4g}"
        if isinstance(value, float)
        else f"{axis}={format_value(value)}"
        for axis, value in values.items()
    )
    return " ".join(parts)


def _changes(
    ablation: Ablation, start: Mapping[str, Value]
) -> Iterator[tuple[str, Value]]:
    """Each value of each axis that the baseline does not have."""
    for axis, values in ablation.axes.items():
        for value in values:
            if axis not in start or not is_same(value, start[axis]):
                yield axis, value
            elif ablation.design == "leave_one_out":
                where, rule = f'axes["{axis}"]', "must differ from the baseline's value"
                fix = "An axis of leave_one_out holds what the feature is when off."
                raise SpaceError(where, rule, quote_value(value), fix)


def _changed(named: Mapping[str, Value], changes: Sequence[tuple[str, Value]]) -> Arm:
    label = " ".join(f"{axis}={format_value(value)}" for axis, value in changes)
    return Arm(label, {**named, **dict(changes)})


def _combinations(ablation: Ablation) -> Iterator[Sequence[Value]]:
    """The values of all axes of each arm."""
    values = list(ablation.axes.values())
    if ablation.design == "fractional":
        for run in build_fraction(len(values), ablation.resolution):
            yield [own[level] for own, level in zip(values, run, strict=True)]
    elif ablation.design == "full":
        yield from itertools.product(*values)
    else:
        yield from zip(*values, strict=True)


def _labelled(values: Mapping[str, Value]) -> Arm:
    parts = (f"{axis}={format_value(value)}" for axis, value in values.items())
    return Arm(" ".join(parts), values)


def _has_values(arm: Arm, start: Mapping[str, Value]) -> bool:
    return all(
        axis in start and is_same(value, start[axis])
        for axis, value in arm.values.items()
    )
