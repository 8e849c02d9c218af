"""Who was stopped where: how many trials of a search came to which epoch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from raypg.results.arms import ENDED_WELL
from raypg.results.figures.figure import Axis, Bars, Figure, Labels, Line, Mark, Points
from raypg.results.figures.palette import BY_STATUS
from raypg.results.figures.source import Source, is_number
from raypg.results.figures.words import (
    MOST_SAID,
    SAID,
    describe_statuses,
    ending_of,
    plural,
    settings,
    shorten,
    trial_label,
)
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric

_TITLE = "Who was stopped where"
_MOST_BARS = 400
"""Beyond which trials that came equally far are one bar."""
_MOST_NAMED = 12
"""Epochs at which is written how many were stopped there."""

Place = tuple[FlatRow, float]
"""A trial, and where its bar lies."""


def build_rungs(source: Source) -> Figure:
    """The trials of a search, sorted by the epoch that they reached."""
    if not any(row["status"] == "stopped" for row in source.rows):
        reason = "No trial was stopped by a scheduler (yet)."
        return Figure("rungs", _TITLE, reason)
    rows = sorted(source.rows, key=lambda row: _rank(source, row))
    places = [(row, place + 0.5) for place, row in enumerate(rows)]
    marks: list[Mark] = []
    for status, color in BY_STATUS.items():
        own = [one for one in places if one[0]["status"] == status]
        if own:
            name = f"{SAID.get(status, status)} ({len(own)})"
            marks.append(_bars(source, own, f"{color}~", len(rows)))
            marks.append(_ends(own, color, name))
    return Figure(
        kind="rungs",
        title=_TITLE,
        caption=_caption(rows),
        x=Axis(
            "epoch", is_whole=True, span=(0.0, 1.04 * max(map(_reached, rows)) or 1.0)
        ),
        y=Axis("trials that came so far"),
        marks=(*marks, _outline(rows), _labels(rows)),
    )


def _rank(source: Source, row: FlatRow) -> tuple[int, str, float]:
    """Those that came far first, then by status and metric."""
    value: Any = row.get(source.own_metric)
    sign = -1 if source.about.get("mode", "max") == "max" else 1
    return -_reached(row), row["status"], sign * value if is_number(value) else 0.0


def _reached(row: FlatRow) -> int:
    return int(row["num_epochs"] or 0)


def _bars(source: Source, places: Sequence[Place], color: str, total: int) -> Bars:
    if total <= _MOST_BARS:
        return Bars(
            start=(0.0,) * len(places),
            end=tuple(float(_reached(row)) for row, _ in places),
            y=tuple(place for _, place in places),
            color=color,
            hover=tuple(_told(source, row) for row, _ in places),
            height=0.8 if total < 80 else 1.0,
        )
    blocks = [
        [*group] for _, group in groupby(places, key=lambda one: _reached(one[0]))
    ]
    return Bars(
        start=(0.0,) * len(blocks),
        end=tuple(float(_reached(block[0][0])) for block in blocks),
        y=tuple((block[0][1] + block[-1][1]) / 2 for block in blocks),
        color=color,
        hover=tuple(
            f"{plural(len(block), 'trial')} {ending_of(block[0][0])}"
            for block in blocks
        ),
        height=tuple(float(len(block)) for block in blocks),
    )


def _ends(places: Sequence[Place], color: str, name: str) -> Points:
    """Whether each came to its end; where bars are blocks, in the legend alone."""
    is_completed = places[0][0]["status"] in ENDED_WELL
    shown = places if len(places) <= _MOST_BARS else []
    return Points(
        x=tuple(float(_reached(row)) for row, _ in shown) or (None,),
        y=tuple(place for _, place in shown) or (None,),
        color=color,
        name=name,
        symbol="diamond" if is_completed else "hollow",
        size=6,
    )


def _told(source: Source, row: FlatRow) -> str:
    metric = source.own_metric
    value = format_metric(row.get(metric), metric)
    drawn = shorten(settings(row, source.axes), MOST_SAID)
    return f"{trial_label(row)}: {ending_of(row)}, {metric} {value}; {drawn}"


def _outline(rows: Sequence[FlatRow]) -> Line:
    """How many trials came to each epoch, where that changes."""
    epochs = sorted({_reached(row) for row in rows} | {0})
    counts = [sum(_reached(row) >= epoch for row in rows) for epoch in epochs]
    return Line(
        x=tuple(float(epoch) for epoch in reversed(epochs)),
        y=tuple(float(count) for count in reversed(counts)),
        color="ink",
        weight="thin",
        is_step=True,
    )


def _labels(rows: Sequence[FlatRow]) -> Labels:
    at = _most_stopped(rows)
    return Labels(
        x=tuple(float(epoch) for epoch in at),
        y=tuple(float(sum(_reached(row) >= epoch for row in rows)) for epoch in at),
        text=tuple(f"{count} stopped" for count in at.values()),
        side="right",
    )


def stopped_at(rows: Iterable[FlatRow]) -> dict[int, int]:
    """How many trials the scheduler stopped after which epoch, in order."""
    return dict(
        sorted(Counter(_reached(r) for r in rows if r["status"] == "stopped").items())
    )


def _most_stopped(rows: Sequence[FlatRow]) -> dict[int, int]:
    """The epochs at which most were stopped, in order: as many as one can read."""
    at = stopped_at(rows)
    first = sorted(at, key=lambda epoch: -at[epoch])[:_MOST_NAMED]
    return {epoch: at[epoch] for epoch in sorted(first)}


def _caption(rows: Sequence[FlatRow]) -> str:
    at = _most_stopped(rows)
    told = [
        f"{sum(_reached(row) >= epoch for row in rows)} came to epoch {epoch} "
        f"({count} stopped there)"
        for epoch, count in at.items()
    ]
    others = len(stopped_at(rows)) - len(at)
    more = f"; some at {plural(others, 'other epoch')}, too" if others else ""
    return (
        f"{describe_statuses(rows)}, one bar each, sorted by the epoch that they "
        f"reached: {'; '.join(told)}{more}. Rungs at which none was stopped do not "
        "show: the tables hold no scheduler. Hollow points: what the trial would have "
        "reached is not known."
    )
