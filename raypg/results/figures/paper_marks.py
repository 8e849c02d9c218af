"""The marks of a figure, as matplotlib draws them."""

from collections.abc import Mapping
from typing import Any

from raypg.results.figures.figure import Bars, Labels, Line, Mark, Numbers, Points

_WEIGHTS = {"thin": 0.7, "medium": 1.5, "bold": 2.4}
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_SYMBOLS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle": "^",
    "hollow": "o",
    "tick": "|",
}
_SIDES = {
    "right": ((4, 0), "left", "center"),
    "left": ((-4, 0), "right", "center"),
    "above": ((0, 4), "center", "bottom"),
    "below": ((3, -4), "left", "top"),
}
_MOST_EDGED = 200
"""Bars, beyond which edges would hide them."""

_ALPHA = 0.22
"""Of what a role with `~` fills."""


def draw_mark(axes: Any, mark: Mark, colors: Mapping[str, str], order: int) -> None:  # noqa: ANN401
    """Draw one mark.

    Args:
        axes: matplotlib's.
        mark: of a figure.
        colors: of each role.
        order: above those of a lower one.
    """
    _DRAW[type(mark)](axes, mark, colors, order)


def plain(text: str) -> str:
    """As it is: matplotlib takes text between dollars for formulas, hides `_labels`."""
    escaped = text.replace("$", r"\$")
    return f"\u200b{escaped}" if escaped.startswith("_") else escaped


def _draw_line(axes: Any, line: Line, colors: Mapping[str, str], order: int) -> None:  # noqa: ANN401
    color, alpha = _color(line.color, colors)
    x, y = _floats(line.x), _floats(line.y)
    if line.low:
        low, high = _floats(line.low), _floats(line.high)
        axes.fill_between(
            x, low, high, color=color, alpha=_ALPHA, linewidth=0, zorder=order
        )
    axes.plot(
        x,
        y,
        color=color,
        alpha=alpha,
        label=_label(line.name),
        linewidth=_WEIGHTS[line.weight],
        linestyle=_DASHES[line.dash],
        marker=_SYMBOLS[line.symbol] if line.symbol else "",
        drawstyle="steps-post" if line.is_step else "default",
        zorder=order,
    )


def _draw_points(
    axes: Any,  # noqa: ANN401
    points: Points,
    colors: Mapping[str, str],
    order: int,
) -> None:
    color, alpha = _color(points.color, colors)
    x, y = _floats(points.x), _floats(points.y)
    is_hollow = points.symbol == "hollow"
    axes.plot(
        x,
        y,
        color=color,
        alpha=alpha,
        label=_label(points.name),
        linestyle="",
        marker=_SYMBOLS[points.symbol],
        markersize=0.7 * points.size,
        markerfacecolor=colors["paper"] if is_hollow else color,
        zorder=order,
    )
    known = [
        (at, middle, low, high)
        for at, middle, low, high in zip(x, y, points.low, points.high, strict=False)
        if low is not None and high is not None
    ]
    if known:
        reach = [[m - lo for _, m, lo, _ in known], [hi - m for _, m, _, hi in known]]
        axes.errorbar(
            [one[0] for one in known],
            [one[1] for one in known],
            yerr=reach,
            fmt="none",
            ecolor=color,
            elinewidth=1,
            capsize=2.5,
            zorder=order,
        )


def _draw_bars(axes: Any, bars: Bars, colors: Mapping[str, str], order: int) -> None:  # noqa: ANN401
    color, alpha = _color(bars.color, colors)
    axes.barh(
        bars.y,
        [end - start for start, end in zip(bars.start, bars.end, strict=True)],
        left=bars.start,
        height=bars.height,
        color=color,
        alpha=alpha,
        label=_label(bars.name),
        linewidth=0.5 if len(bars.y) <= _MOST_EDGED else 0,
        edgecolor=colors["paper"],
        zorder=order,
    )


def _draw_labels(
    axes: Any,  # noqa: ANN401
    labels: Labels,
    colors: Mapping[str, str],
    order: int,
) -> None:
    offset, across, upright = _SIDES[labels.side]
    for x, y, text in zip(labels.x, labels.y, labels.text, strict=True):
        axes.annotate(
            plain(text),
            (x, y),
            xytext=offset,
            textcoords="offset points",
            horizontalalignment=across,
            verticalalignment=upright,
            fontsize=7.5,
            color=colors[labels.color],
            zorder=order,
            bbox={"facecolor": colors["paper"], "alpha": 0.7, "linewidth": 0, "pad": 1},
        )


_DRAW: Mapping[type, Any] = {
    Line: _draw_line,
    Points: _draw_points,
    Bars: _draw_bars,
    Labels: _draw_labels,
}


def _color(role: str, colors: Mapping[str, str]) -> tuple[str, float]:
    """The colour of a role, and how dense it is."""
    return colors[role.removesuffix("~")], _ALPHA * 1.6 if role.endswith("~") else 1.0


def _floats(numbers: Numbers) -> list[float]:
    return [float("nan") if number is None else number for number in numbers]


def _label(name: str) -> str | None:
    return plain(name) if name else None
