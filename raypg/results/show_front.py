"""A Pareto front for reading and for machines: its members, each with every metric."""

from collections.abc import Sequence

from raypg.results.front import Candidate, Front
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric, format_reach
from raypg.results.output import MISSING, print_table


def front_rows(front: Front) -> list[FlatRow]:
    """Members as rows; the interval of a mean is null where nothing shows noise."""
    return [_row(front, one) for one in front.members]


def front_columns(front: Front) -> list[str]:
    """The columns of `front_rows`."""
    return list(front_rows(front)[0])


def print_front(front: Front) -> None:
    """Print a front for reading: a table, and what it is a front of."""
    rows = readable_front(front)
    print_table(rows, list(rows[0]))
    print()
    print(describe_front(front))


def readable_front(front: Front) -> list[FlatRow]:
    """The rows in percent and with thousands, intervals beside the means."""
    return [_readable(front, one) for one in front.members]


def describe_front(front: Front) -> str:
    """What it is a front of, in a sentence or two."""
    if not front.members:
        names = " and ".join(one.name for one in front.objectives)
        return f"No trial that ended well has a number of {names}."
    goals = " and ".join(
        f"{'highest' if one.mode == 'max' else 'lowest'} {one.name}"
        for one in front.objectives
    )
    of = f"{front.num_candidates} {'arms' if front.by_arm else 'trials'}"
    said = (
        f"Pareto front: {len(front.members)} of {of}, for the {goals}. No other is as "
        "good in all of these and better in one, noise included."
    )
    if any(mean.low is not None for one in front.members for mean in one.means):
        said += " Means over seeds, ± half the 95 % interval."
    elif front.by_arm:
        said += " One seed says nothing about noise."
    else:
        said += " Each is one seed; being the best of many, their numbers flatter."
    if num := front.num_left_out:
        word = "trial" if num == 1 else "trials"
        said += f" Left out for want of a number: {num} {word} that ended well."
    return said


def _row(front: Front, one: Candidate) -> FlatRow:
    row: FlatRow = _name(front, one)
    for goal, mean in zip(front.objectives, one.means, strict=True):
        row[goal.name] = mean.mean if front.by_arm else one.rows[0][goal.name]
        if front.by_arm:
            row[f"{goal.name}_low"] = mean.low
            row[f"{goal.name}_high"] = mean.high
    return row | _drawn(front, one)


def _readable(front: Front, one: Candidate) -> FlatRow:
    row: FlatRow = _name(front, one)
    for goal, mean in zip(front.objectives, one.means, strict=True):
        row[goal.name] = _cell(goal.name, mean.mean, mean.low)
    return row | {k: MISSING if v is None else v for k, v in _drawn(front, one).items()}


def _name(front: Front, one: Candidate) -> FlatRow:
    if front.by_arm:
        return {"arm": one.label, "seeds": len(one.rows)}
    return {"trial": one.label}


def _drawn(front: Front, one: Candidate) -> FlatRow:
    """What the axes of a search have in a trial; an arm's label says it."""
    axes: Sequence[str] = () if front.by_arm else front.axes
    return {f"config.{axis}": one.rows[0].get(f"config.{axis}") for axis in axes}


def _cell(name: str, mean: float, low: float | None) -> str:
    if name.startswith("num_"):
        return f"{mean:,.0f}"
    return format_metric(mean, name) if low is None else format_reach(mean, low, name)
