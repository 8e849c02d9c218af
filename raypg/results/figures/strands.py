"""Single trials in a figure of curves: thin lines, and where each was cut short."""

from collections.abc import Mapping, Sequence

from raypg.results.arms import ENDED_WELL
from raypg.results.figures.figure import Dash, Line, Points, Weight
from raypg.results.figures.thin import pick_evenly, points_each
from raypg.results.figures.words import ending_of, trial_label
from raypg.results.memo import FlatRow

Curve = Mapping[int, float]
"""A metric by epoch, without what is no number."""


def strands(
    rows: Sequence[FlatRow],
    curves: Mapping[str, Curve],
    color: str,
    weight: Weight = "thin",
    name: str = "",
    most: int = 0,
) -> Line:
    """The curves of trials, thin.

    Args:
        rows: of `trials`; all ended well, or none did.
        curves: by trial, at least of these.
        color: a role.
        weight: of all of them.
        name: in the legend.
        most: points of each; 0: as so many of them may have.
    """
    dash: Dash = "solid" if rows[0]["status"] in ENDED_WELL else "dot"
    named = [(trial_label(row), curves[row["trial"]]) for row in rows]
    return join_curves(named, color, weight, name, dash, most)


def join_curves(
    named: Sequence[tuple[str, Mapping[int, float] | Mapping[float, float]]],
    color: str,
    weight: Weight = "thin",
    name: str = "",
    dash: Dash = "solid",
    most: int = 0,
) -> Line:
    """Curves as one line with gaps: a line each takes a page seconds.

    Args:
        named: what each is, and its points, y by x.
        color: a role.
        weight: of all of them.
        name: in the legend.
        dash: of all of them.
        most: points of each; 0: as so many of them may have.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    hover: list[str] = []
    most = most or points_each(len(named))
    for label, curve in named:
        points = pick_evenly(sorted(curve.items()), most)
        x += [*(epoch for epoch, _ in points), None]
        y += [*(value for _, value in points), None]
        hover += [label] * (len(points) + 1)
    return Line(
        x=tuple(x[:-1]),
        y=tuple(y[:-1]),
        color=color,
        name=name,
        hover=tuple(hover[:-1]),
        weight=weight,
        dash=dash,
    )


def ends(rows: Sequence[FlatRow], curves: Mapping[str, Curve], color: str) -> Points:
    """Where trials were cut short: hollow, as what they would have reached is open."""
    own = [curves[row["trial"]] for row in rows]
    return Points(
        x=tuple(max(curve) for curve in own),
        y=tuple(curve[max(curve)] for curve in own),
        color=color,
        hover=tuple(f"{trial_label(row)}: {ending_of(row)}" for row in rows),
        symbol="hollow",
    )
