"""Parallel coordinates: an upright line an axis, a line across them a trial."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raypg.results.figures.figure import Axis, Figure, Labels, Line, Mark
from raypg.results.figures.palette import SHADES
from raypg.results.figures.scales import Scale, build_scale
from raypg.results.figures.source import Source, check_metric
from raypg.results.figures.thin import MOST_CURVES, pick_evenly
from raypg.results.figures.words import (
    describe_left_out,
    describe_rule,
    plural,
    shorten,
    trial_label,
)
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric, is_ratio
from raypg.results.output import format_cell

_TITLE = "All axes at once"
_LEAST_GAP = 0.09
"""Of the height of the figure, between two numbers."""

_LEAST_AXES = 2
_MOST_DOTS = 1_500
"""Points of all lines."""


@dataclass(frozen=True)
class _Column:
    """One of the upright lines."""

    title: str
    name: str
    """Of the column of `trials`."""
    scale: Scale
    low: float
    high: float
    values: Sequence[object]
    """That trials have, each once, sorted."""

    def height(self, value: object) -> float | None:
        """From 0 at the foot to 1 at the top; None for a trial that has none."""
        if value is None:
            return None
        if self.high == self.low:
            return 0.5
        return (self._warped(value) - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[object, float]]:
        """The values that are written, with their heights: as many as have room."""
        first, *others = [(value, self.height(value) or 0.0) for value in self.values]
        written = [first]
        for value, height in others[-1:] + others[:-1]:
            if all(abs(height - there) >= _LEAST_GAP for _, there in written):
                written.append((value, height))
        return written

    def _warped(self, value: object) -> float:
        place = self.scale.place(value)
        return math.log10(place) if self.scale.axis.is_log else place


def build_parallel(source: Source) -> Figure:
    """The settings and the metric of the trials that ended well.

    Raises:
        ResultsError: there is no such metric.
    """
    check_metric(source)
    rows = source.rated
    if not rows:
        return Figure("parallel", _TITLE, f"No trial completed with a {source.metric}.")
    names = [(axis, f"config.{axis}") for axis in source.axes]
    columns = [
        _build_column(title, name, rows)
        for title, name in [*names, (source.metric, source.metric)]
        if any(row.get(name) is not None for row in rows)
    ]
    if len(columns) <= _LEAST_AXES:
        reason = "The sweep has one axis at most: see the figure by axis."
        return Figure("parallel", _TITLE, reason)
    sign = 1 if source.mode == "max" else -1
    ranked = sorted(rows, key=lambda row: sign * row[source.metric])
    shown = pick_evenly(ranked, min(MOST_CURVES, _MOST_DOTS // len(columns)))
    return Figure(
        kind="parallel",
        title=_TITLE,
        caption=_caption(source, rows, shown, columns),
        x=Axis("", places=tuple(column.title for column in columns)),
        y=Axis("", is_hidden=True, span=(-0.05, 1.05)),
        marks=(
            *_draw_frame(columns),
            *_draw_trials(source, shown, columns),
            *_draw_ticks(source, columns),
        ),
    )


def _build_column(title: str, name: str, rows: Sequence[FlatRow]) -> _Column:
    known = [row[name] for row in rows if row.get(name) is not None]
    scale = build_scale(title, known)
    once = {format_cell(value): value for value in known}.values()
    values = sorted(once, key=scale.place)
    ends = [scale.place(values[0]), scale.place(values[-1])]
    low, high = map(math.log10, ends) if scale.axis.is_log else ends
    return _Column(title, name, scale, low, high, values)


def _draw_frame(columns: Sequence[_Column]) -> list[Mark]:
    return [
        Line((float(place),) * 2, (0.0, 1.0), "grey", weight="thin")
        for place in range(len(columns))
    ]


def _draw_ticks(source: Source, columns: Sequence[_Column]) -> list[Mark]:
    marks: list[Mark] = []
    for place, column in enumerate(columns):
        ticks = column.ticks()
        marks.append(
            Labels(
                x=(float(place),) * len(ticks),
                y=tuple(height for _, height in ticks),
                text=tuple(_told(source, column, value) for value, _ in ticks),
                side="right" if place == 0 else "left",
            )
        )
    return marks


def _draw_trials(
    source: Source, ranked: Sequence[FlatRow], columns: Sequence[_Column]
) -> list[Mark]:
    """The trials in groups of equal size, the worst at the back."""
    num = min(len(SHADES), len(ranked))
    marks: list[Mark] = []
    for group in range(num):
        begin, end = (len(ranked) * g // num for g in (group, group + 1))
        own = ranked[begin:end]
        ends = sorted({own[0][source.metric], own[-1][source.metric]})
        told = " to ".join(format_metric(value, source.metric) for value in ends)
        shade = SHADES[len(SHADES) - num + group]
        is_best = group == num - 1
        name = f"{source.metric} {told}"
        marks.append(_strands(own, columns, shade, name, is_best=is_best))
    return marks


def _strands(
    rows: Sequence[FlatRow],
    columns: Sequence[_Column],
    color: str,
    name: str,
    *,
    is_best: bool,
) -> Line:
    x: list[float | None] = []
    y: list[float | None] = []
    hover: list[str] = []
    for row in rows:
        for place, column in enumerate(columns):
            value = row.get(column.name)
            x.append(float(place))
            y.append(column.height(value))
            hover.append(f"{trial_label(row)}: {column.title} {_short(value)}")
        x.append(None)
        y.append(None)
        hover.append("")
    return Line(
        x=tuple(x[:-1]),
        y=tuple(y[:-1]),
        color=color,
        name=name,
        hover=tuple(hover[:-1]),
        weight="medium" if is_best else "thin",
    )


def _told(source: Source, column: _Column, value: Any) -> str:  # noqa: ANN401 a cell
    if column.name == source.metric and is_ratio(source.metric):
        return format_metric(value, source.metric)
    return _short(value)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else shorten(format_cell(value))


def _caption(
    source: Source,
    rows: Sequence[FlatRow],
    shown: Sequence[FlatRow],
    columns: Sequence[_Column],
) -> str:
    logs = [column.title for column in columns if column.scale.axis.is_log]
    said = [
        f"{plural(len(rows), 'completed trial')}, one line each, in groups of equal "
        f"size: the more it stands out, the better its {source.metric}."
    ]
    if logs:
        said.append(f"Logarithmic: {', '.join(logs)}.")
    if len(shown) < len(rows):
        said.append(f"{len(shown)} of them are drawn, evenly by rank.")
    return " ".join(said) + describe_rule(source) + describe_left_out(source)
