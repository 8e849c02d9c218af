"""What a metric costs: parameters, FLOPs or seconds, and the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from raypg.errors import ResultsError, suggest_name
from raypg.results.figures.figure import Axis, Figure, Labels, Line, Mark, Points
from raypg.results.figures.rug import cut_short
from raypg.results.figures.scales import spans_decades
from raypg.results.figures.source import Source, check_metric, is_number
from raypg.results.figures.thin import MOST_DOTS, pick_evenly
from raypg.results.figures.words import (
    INTERVAL,
    MOST_CHARACTERS,
    MOST_SAID,
    describe_cut,
    describe_left_out,
    describe_rule,
    describe_seeds,
    plural,
    shorten,
    trial_label,
)
from raypg.results.front import find_front
from raypg.results.memo import FlatRow
from raypg.results.numerals import is_ratio
from raypg.results.statistics import Mean, mean_interval

COSTS = {
    "parameters": ("num_parameters", "parameters"),
    "flops": ("num_flops", "multiply-adds of one image"),
    "seconds": ("train_s", "seconds of training"),
}
"""What `--x` names: its column, and the title of the axis."""

_MOST_LABELS = 6
"""Of choices on the front; more would hide each other."""

_MOST_NAMED = 100
"""Choices whose labels have room for a long name."""

_TITLE = "What accuracy costs"


@dataclass(frozen=True)
class _Choice:
    """An arm, or a trial of a search."""

    label: str
    cost: float
    mean: Mean


def build_tradeoff(source: Source, x: str = "") -> Figure:
    """The metric against a cost, over the trials that ended well.

    Args:
        source: of one sweep.
        x: a key of `COSTS`; `parameters` when empty.

    Raises:
        ResultsError: there is no such cost, or no such metric.
    """
    check_metric(source)
    if x and x not in COSTS:
        fix = suggest_name(x, COSTS)
        raise ResultsError("--x", "must be parameters, flops or seconds", x, fix)
    column, title = COSTS[x or "parameters"]
    rows = [row for row in source.rated if is_number(row.get(column))]
    if not rows:
        reason = f"No trial completed with a {source.metric} and {column}."
        return Figure("tradeoff", _TITLE, reason)
    choices = _choices(source, rows, column)
    values = [choice.mean.mean for choice in choices]
    front = pareto_front([choice.cost for choice in choices], values, source.mode)
    stopped = [row for row in source.rows if row["status"] == "stopped"]
    stopped = [row for row in stopped if is_number(row.get(column))]
    places = [float(row[column]) for row in stopped]
    costs = [choice.cost for choice in choices] + places
    marks = [
        *_draw_front(source, [choices[i] for i in front], max(costs), len(choices)),
        *_draw_choices(choices, front),
        *cut_short(stopped, places, values),
    ]
    return Figure(
        kind="tradeoff",
        title=f"{source.metric} against {title}",
        caption=_caption(source, rows, choices, column, [choices[i] for i in front]),
        x=Axis(title, is_log=spans_decades(costs), is_count=column != "train_s"),
        y=Axis(source.metric, is_ratio=is_ratio(source.metric)),
        marks=tuple(marks),
    )


def pareto_front(
    costs: Sequence[float], values: Sequence[float], mode: str
) -> list[int]:
    """The choices that no other beats, the cheapest first, by index.

    One beats another if it costs no more and is no worse, and is ahead in one of these:
    choices that are alike in both do not beat each other.

    Args:
        costs: less is better.
        values: one a choice.
        mode: `max` or `min` of a value is better.
    """
    return find_front(list(zip(costs, values, strict=True)), ("min", mode))


def _choices(source: Source, rows: Sequence[FlatRow], column: str) -> list[_Choice]:
    groups: dict[str, list[FlatRow]] = {}
    for row in rows:
        own = trial_label(row) if source.is_search else row["arm"] or trial_label(row)
        groups.setdefault(own, []).append(row)
    return [
        _Choice(
            label,
            fmean(float(row[column]) for row in group),
            mean_interval([row[source.metric] for row in group]),
        )
        for label, group in groups.items()
    ]


def _draw_front(
    source: Source, front: Sequence[_Choice], farthest: float, num: int
) -> list[Mark]:
    costs = [choice.cost for choice in front]
    values = [choice.mean.mean for choice in front]
    line = Line(
        # What it costs more than that buys nothing: the last step goes on.
        x=(*costs, max(farthest, costs[-1])),
        y=(*values, values[-1]),
        color="vermillion",
        name=f"Pareto front ({len(front)} of {num})",
        is_step=True,
    )
    if source.is_search or len(front) > _MOST_LABELS:
        return [line]  # a trial's name tells nobody anything: the caption has them
    text = tuple(shorten(choice.label) for choice in front)
    return [line, Labels(tuple(costs), tuple(values), text, side="below")]


def _draw_choices(choices: Sequence[_Choice], front: Sequence[int]) -> list[Mark]:
    beaten = sorted(
        {*range(len(choices))} - {*front}, key=lambda i: choices[i].mean.mean
    )
    groups = [
        (f"beaten ({len(beaten)})", pick_evenly(beaten, MOST_DOTS), "grey"),
        ("", pick_evenly(front, MOST_DOTS), "blue"),
    ]
    # Long names in hundreds of labels would be most of a page.
    room = MOST_CHARACTERS if len(choices) > _MOST_NAMED else MOST_SAID
    return [
        Points(
            x=tuple(choices[i].cost for i in places),
            y=tuple(choices[i].mean.mean for i in places),
            color=color,
            name=name,
            low=tuple(choices[i].mean.low for i in places),
            high=tuple(choices[i].mean.high for i in places),
            hover=tuple(
                f"{shorten(choices[i].label, room)}, "
                f"{plural(choices[i].mean.num_values, 'seed')}"
                for i in places
            ),
            symbol="circle" if color == "grey" else "diamond",
        )
        for name, places, color in groups
        if places
    ]


def _caption(
    source: Source,
    rows: Sequence[FlatRow],
    choices: Sequence[_Choice],
    column: str,
    on_front: Sequence[_Choice],
) -> str:
    means = [choice.mean for choice in choices]
    if source.is_search:
        said = f"{plural(len(rows), 'completed trial')}, one point and one seed each."
    else:
        has_noise = any(mean.low is not None for mean in means)
        seeds = describe_seeds(mean.num_values for mean in means)
        interval = f"bars: {INTERVAL}" if has_noise else "no interval"
        said = (
            f"Mean of {source.metric} over {seeds}; {interval}. "
            f"{plural(len(rows), 'completed trial')} of {plural(len(choices), 'arm')}."
            f"{describe_cut((mean.high for mean in means), source.metric)}"
        )
    goal = "highest" if source.mode == "max" else "lowest"
    names = f" ({', '.join(choice.label for choice in on_front[:_MOST_LABELS])})"
    named = names if source.is_search and len(on_front) <= _MOST_LABELS else ""
    front = (
        f" Front{named}: the {goal} value that each cost has reached, noise included."
    )
    if len(choices) > MOST_DOTS:
        front += f" At most {MOST_DOTS} on it and {MOST_DOTS} beaten ones have a point."
    seconds = (
        " Seconds are those of the epochs; trials side by side slow each other down."
        if column == "train_s"
        else ""
    )
    end = f"{describe_rule(source)}{describe_left_out(source)}"
    return f"{said}{front}{seconds}{end}"
