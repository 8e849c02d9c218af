"""Any setting against any metric: arms with their intervals, or a point a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from raypg.results.figures.figure import Axis, Figure, Line, Mark, Points, Symbol
from raypg.results.figures.palette import SERIES
from raypg.results.figures.rug import cut_short
from raypg.results.figures.scales import Scale, build_scale, find_axis
from raypg.results.figures.source import Source, check_metric
from raypg.results.figures.strands import join_curves
from raypg.results.figures.thin import MOST_BEHIND, MOST_DOTS, pick_evenly, points_each
from raypg.results.figures.words import (
    INTERVAL,
    describe_cut,
    describe_left_out,
    describe_rule,
    describe_seeds,
    plural,
    settings,
    shorten,
    trial_label,
)
from raypg.results.memo import FlatRow
from raypg.results.numerals import is_ratio
from raypg.results.statistics import Mean, mean_interval

_SYMBOLS: Sequence[Symbol] = ("circle", "square", "diamond", "triangle")
_TITLE = "A setting against the metric"
_MOST_PALE = 1_000
"""Points of all pale lines."""
_MOST_NAMES = 100
"""Places on an axis, beyond which nobody could read it."""


@dataclass(frozen=True)
class _Strip:
    """What an axis' values reached, the other axes held still.

    Attributes:
        label: the settings of the other axes; empty where there are none.
        values: by place on the axis, seed to the metric.
    """

    label: str
    values: Mapping[float, Mapping[int, float]]

    def means(self) -> dict[float, Mean]:
        """By place, in order."""
        return {
            x: mean_interval([*self.values[x].values()]) for x in sorted(self.values)
        }


def build_by_axis(source: Source, x: str = "") -> Figure:
    """A setting against the metric, over the trials that ended well.

    Args:
        source: of one sweep.
        x: dotted name of the setting; the first axis of the space when empty.

    Raises:
        ResultsError: there is no such setting, or no such metric.
    """
    check_metric(source)
    axis = find_axis(source, x)
    if not axis:
        return Figure("axis", _TITLE, "The sweep has no axis: nothing varies in it.")
    column = f"config.{axis}"
    known = [row for row in source.rows if row.get(column) is not None]
    rated = {row["trial"] for row in source.rated}
    rows = [row for row in known if row["trial"] in rated]
    if not rows:
        return Figure("axis", _TITLE, f"No trial completed with a {source.metric}.")
    stopped = [row for row in known if row["status"] == "stopped"]
    scale = build_scale(axis, [row[column] for row in known])
    if len(scale.names) > _MOST_NAMES:
        reason = f"{axis} has {len(scale.names):,} values that are no numbers."
        return Figure("axis", _TITLE, reason)
    draw = _draw_trials if source.is_search else _draw_arms
    marks, caption = draw(source, rows, axis, scale)
    places = [scale.place(row[column]) for row in stopped]
    marks += cut_short(stopped, places, [row[source.metric] for row in rows])
    return Figure(
        kind="axis",
        title=f"{source.metric} by {axis}",
        caption=f"{caption}{describe_rule(source)}{describe_left_out(source)}",
        x=scale.axis,
        y=Axis(source.metric, is_ratio=is_ratio(source.metric)),
        marks=tuple(marks),
    )


def _draw_trials(
    source: Source, rows: Sequence[FlatRow], axis: str, scale: Scale
) -> tuple[list[Mark], str]:
    shown = pick_evenly(sorted(rows, key=lambda r: float(r[source.metric])), MOST_DOTS)
    points = Points(
        x=tuple(scale.place(row[f"config.{axis}"]) for row in shown),
        y=tuple(row[source.metric] for row in shown),
        color="blue",
        name=f"completed ({len(rows)})",
        hover=tuple(f"{trial_label(row)}{_named(row, axis, scale)}" for row in shown),
    )
    count = plural(len(rows), "completed trial")
    said = f"{count}, one point and one seed each; the other axes vary, too."
    thinned = f" {MOST_DOTS} of them are drawn, evenly by rank."
    return [points], said + thinned * (len(shown) < len(rows))


def _draw_arms(
    source: Source, rows: Sequence[FlatRow], axis: str, scale: Scale
) -> tuple[list[Mark], str]:
    strips = _strips(source, rows, axis, scale)
    marks: list[Mark] = []
    if len(strips) == 1:
        marks.append(_seeds(source, rows, axis, scale))
    if len(strips) <= len(SERIES):
        most = MOST_DOTS // len(strips)
        for place, strip in enumerate(strips):
            marks += _draw_strip(strip, place, scale, most)
        means = [mean for strip in strips for mean in strip.means().values()]
        return marks, _caption(source, len(rows), means) + _some(strips, most)
    behind = pick_evenly(strips, MOST_BEHIND)
    most = points_each(len(behind), _MOST_PALE)
    marks.append(_draw_behind(behind, most))
    each = "each" if len(behind) == len(strips) else f"{len(behind)}"
    grey = f"Grey: {each} of {len(strips)} settings of the other axes"
    some = _some(strips, most)
    over = _average(strips)
    if not over.values:
        count = plural(len(rows), "completed trial")
        return (
            marks,
            f"{count}. {grey}; none has every value, so that there is no mean.{some}",
        )
    marks += _draw_strip(over, 0, scale, MOST_DOTS)
    said = _caption(source, len(rows), [*over.means().values()])
    coloured = "in colour the mean of those that have every value"
    return marks, f"{said} {grey}; {coloured}.{some}"


def _strips(
    source: Source, rows: Sequence[FlatRow], axis: str, scale: Scale
) -> list[_Strip]:
    others = [one for one in source.axes if one != axis]
    found: dict[str, dict[float, dict[int, float]]] = {}
    for row in rows:
        cells = found.setdefault(settings(row, others), {})
        cell = cells.setdefault(scale.place(row[f"config.{axis}"]), {})
        cell[row["seed"]] = row[source.metric]
    return [_Strip(label, cells) for label, cells in found.items()]


def _average(strips: Sequence[_Strip]) -> _Strip:
    """The mean over strips, by seed, of those that have every place with that seed."""
    places = {place for strip in strips for place in strip.values}
    seeds = {seed for s in strips for cell in s.values.values() for seed in cell}
    whole = {
        seed: [s for s in strips if all(seed in s.values.get(p, ()) for p in places)]
        for seed in sorted(seeds)
    }
    values = {
        place: {
            seed: fmean(strip.values[place][seed] for strip in found)
            for seed, found in whole.items()
            if found
        }
        for place in places
    }
    return _Strip("mean", {place: cell for place, cell in values.items() if cell})


def _draw_strip(
    strip: _Strip, place: int, scale: Scale, most: int
) -> list[Line | Points]:
    """The means, joined; names have nothing between them that a line could cross."""
    means = dict(pick_evenly([*strip.means().items()], most))
    x, y = tuple(means), tuple(mean.mean for mean in means.values())
    color = SERIES[place % len(SERIES)]
    head = f"{shorten(strip.label)}, " if strip.label else ""
    hover = tuple(
        f"{head}{scale.name(at)}{plural(mean.num_values, 'seed')}"
        for at, mean in means.items()
    )
    line = Line(x, y, color, hover=hover)
    points = Points(
        x=x,
        y=y,
        color=color,
        name=shorten(strip.label),
        low=tuple(mean.low for mean in means.values()),
        high=tuple(mean.high for mean in means.values()),
        hover=hover,
        symbol=_SYMBOLS[place % len(_SYMBOLS)],
    )
    return [points] if scale.names else [line, points]


def _draw_behind(strips: Sequence[_Strip], most: int) -> Line:
    """Many settings of the other axes, as one line with gaps."""
    curves = [
        (shorten(strip.label), {at: mean.mean for at, mean in strip.means().items()})
        for strip in strips
    ]
    return join_curves(curves, "faint", most=most)


def _some(strips: Sequence[_Strip], most: int) -> str:
    """That lines are thinned, where one is."""
    is_thinned = any(len(strip.values) > most for strip in strips)
    return f" At most {most} values of a line are drawn, evenly apart." * is_thinned


def _seeds(source: Source, rows: Sequence[FlatRow], axis: str, scale: Scale) -> Points:
    shown = pick_evenly(rows, MOST_DOTS)
    return Points(
        x=tuple(scale.place(row[f"config.{axis}"]) for row in shown),
        y=tuple(row[source.metric] for row in shown),
        color="grey",
        name="single seeds",
        hover=tuple(
            f"{trial_label(row)}, seed {row['seed']}{_named(row, axis, scale)}"
            for row in shown
        ),
        size=4,
    )


def _named(row: FlatRow, axis: str, scale: Scale) -> str:
    """The value, where the axis has names: a place among them says nothing."""
    return f", {shorten(settings(row, [axis]))}" if scale.names else ""


def _caption(source: Source, num_trials: int, means: Sequence[Mean]) -> str:
    seeds = describe_seeds(mean.num_values for mean in means)
    has_noise = any(mean.low is not None for mean in means)
    interval = f"bars: {INTERVAL}" if has_noise else "no interval"
    count = plural(num_trials, "completed trial")
    cut = describe_cut((mean.high for mean in means), source.metric)
    return f"Mean of {source.metric} over {seeds}; {interval}. {count}.{cut}"
