"""The arms that each design makes of an ablation's axes."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from raypg.errors import SpaceError
from raypg.faults import format_value, quote_value
from raypg.space.ablation import Ablation
from raypg.space.distributions import Value, is_same

BASELINE = "baseline"
"""The label of a baseline arm that is not one of the grid's."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One config of an ablation, all its seeds."""

    label: str
    """What one would type to get it: `model.depth=22`."""
    values: Mapping[str, Value]


def build_arms(ablation: Ablation, start: Mapping[str, Value]) -> tuple[list[Arm], Arm]:
    """The arms of an ablation in the order they run, and which is the baseline.

    Args:
        ablation: the space.
        start: the value that each axis has in the base; an axis that the base's model
            or optimizer does not have is left out.
    """
    named = dict(ablation.baseline or {})
    start = {**start, **named}
    if ablation.design in ("one_at_a_time", "leave_one_out"):
        baseline = Arm(BASELINE, named)
        return [baseline, *_changed_arms(ablation, start, named)], baseline
    combine = itertools.product if ablation.design == "full" else zip
    grid = [
        _labelled(dict(zip(ablation.axes, values, strict=True)))
        for values in combine(*ablation.axes.values())
    ]
    for arm in grid:
        if _has_values(arm, start):
            return grid, arm
    if ablation.baseline is None:
        return grid, grid[0]
    baseline = Arm(BASELINE, named)
    return [baseline, *grid], baseline


def label_values(values: Mapping[str, Value]) -> str:
    """What a drawn trial is called: its values, to four digits."""
    parts = (
        f"{axis}={value:.4g}"
        if isinstance(value, float)
        else f"{axis}={format_value(value)}"
        for axis, value in values.items()
    )
    return " ".join(parts)


def _changed_arms(
    ablation: Ablation, start: Mapping[str, Value], named: Mapping[str, Value]
) -> Iterator[Arm]:
    for axis, values in ablation.axes.items():
        for value in values:
            if axis not in start or not is_same(value, start[axis]):
                label = f"{axis}={format_value(value)}"
                yield Arm(label, {**named, axis: value})
            elif ablation.design == "leave_one_out":
                where, rule = f'axes["{axis}"]', "must differ from the baseline's value"
                fix = "An axis of leave_one_out holds what the feature is when off."
                raise SpaceError(where, rule, quote_value(value), fix)


def _labelled(values: Mapping[str, Value]) -> Arm:
    parts = (f"{axis}={format_value(value)}" for axis, value in values.items())
    return Arm(" ".join(parts), values)


def _has_values(arm: Arm, start: Mapping[str, Value]) -> bool:
    return all(
        axis in start and is_same(value, start[axis])
        for axis, value in arm.values.items()
    )
