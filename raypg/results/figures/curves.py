"""Learning curves: a mean and a band an arm, or of a search a line a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from raypg.results.arms import ENDED_WELL
from raypg.results.figures.bundles import draw_arms
from raypg.results.figures.figure import Axis, Figure, Mark
from raypg.results.figures.palette import BY_STATUS
from raypg.results.figures.source import Source, check_line_metric, is_number
from raypg.results.figures.strands import Curve, ends, strands
from raypg.results.figures.thin import (
    MOST_CURVES,
    MOST_POINTS,
    pick_evenly,
    points_each,
)
from raypg.results.figures.words import (
    SAID,
    describe_statuses,
    settings,
    trial_label,
)
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric, is_ratio


def build_curves(source: Source) -> Figure:
    """A metric of `epochs`, by epoch.

    Raises:
        ResultsError: epochs have no such metric.
    """
    # Of the best epochs alone there is no curve: they are points of this one.
    source = replace(source, metric=source.metric.removeprefix("best."))
    check_line_metric(source)
    curves = {
        trial: {epoch: value for epoch, value in points if is_number(value)}
        for trial, points in source.curves(source.metric).items()
    }
    curves = {trial: curve for trial, curve in curves.items() if curve}
    if not any(row["trial"] in curves for row in source.rows):
        reason = f"No trial has reported {source.metric} yet."
        return Figure("curves", "Learning curves", reason)
    draw = _draw_trials if source.is_search else draw_arms
    marks, caption = draw(source, curves)
    return Figure(
        kind="curves",
        title="Learning curves",
        caption=caption,
        x=Axis("epoch", is_whole=True),
        y=Axis(source.metric, is_ratio=is_ratio(source.metric)),
        marks=tuple(marks),
    )


def _draw_trials(source: Source, curves: Mapping[str, Curve]) -> tuple[list[Mark], str]:
    rows = [row for row in source.rows if row["trial"] in curves]
    best = source.best
    best_id = best["trial"] if best else ""
    shown = _pick(source, rows, best_id)
    most = points_each(len(shown))
    marks: list[Mark] = []
    for status, color in reversed([*BY_STATUS.items()]):
        group = [one for one in shown if one["status"] == status]
        others = [row for row in group if row["trial"] != best_id]
        if others:
            name = f"{SAID.get(status, status)} ({len(others)})"
            marks.append(strands(others, curves, color, name=name, most=most))
            if status not in ENDED_WELL:
                marks.append(ends(others, curves, color))
    if best and best_id in curves:
        name = f"best: {trial_label(best)}"
        marks.append(strands([best], curves, "ink", "bold", name))
    return marks, _caption(source, rows, shown, curves)


def _pick(source: Source, rows: Sequence[FlatRow], best: str) -> list[FlatRow]:
    """The trials to draw: all, or the best one and others from all ranks."""
    if len(rows) <= MOST_CURVES:
        return [*rows]
    sign = -1 if source.about.get("mode", "max") == "max" else 1

    def rank(row: FlatRow) -> tuple[int, float]:
        value: Any = row.get(source.own_metric)
        return row["num_epochs"] or 0, sign * value if is_number(value) else 0.0

    others = sorted((row for row in rows if row["trial"] != best), key=rank)
    first = [row for row in rows if row["trial"] == best]
    return first + pick_evenly(others, MOST_CURVES - len(first))


def _caption(
    source: Source,
    rows: Sequence[FlatRow],
    shown: Sequence[FlatRow],
    curves: Mapping[str, Curve],
) -> str:
    said = [f"{source.metric} by epoch, one line a trial and one seed each, no means:"]
    said.append(f"{describe_statuses(rows)}.")
    if any(row["status"] not in ENDED_WELL for row in rows):
        said.append("Dotted lines end, at hollow points, where a trial was cut short.")
    if best := source.best:
        value = format_metric(best.get(source.own_metric), source.own_metric)
        drawn = settings(best, source.axes)
        said.append(
            f"The best of those that completed ended at {source.own_metric} {value}, "
            f"with {drawn}; being the best of many, that number flatters."
        )
    if len(shown) < len(rows):
        said.append(f"{len(shown)} of them are drawn: the best, and some of all ranks.")
    if any(len(curve) > MOST_POINTS for curve in curves.values()):
        some = f"At most {MOST_POINTS} epochs of a curve are drawn, evenly apart"
        said.append(f"{some}, and fewer of thin ones.")
    return " ".join(said)
