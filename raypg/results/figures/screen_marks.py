"""The marks of a figure, as plotly.js takes them."""

import html
import math
from collections.abc import Mapping
from typing import Any

from raypg.results.figures.figure import Bars, Labels, Line, Mark, Numbers, Points

Trace = dict[str, Any]

_DIGITS = 6
_WIDTHS = {"thin": 1, "medium": 2, "bold": 3.5}
_SYMBOLS = {
    "circle": "circle",
    "square": "square",
    "diamond": "diamond",
    "triangle": "triangle-up",
    "hollow": "circle-open",
    "tick": "line-ns-open",
}
_SIDES = {
    "right": {"xanchor": "left", "xshift": 5, "yanchor": "middle"},
    "left": {"xanchor": "right", "xshift": -5, "yanchor": "middle"},
    "above": {"xanchor": "center", "yanchor": "bottom", "yshift": 5},
    "below": {"xanchor": "left", "xshift": 3, "yanchor": "top", "yshift": -4},
}
_MOST_EDGED = 200
"""Bars, beyond which edges would hide them."""


def traces(mark: Mark, ending: str) -> list[Trace]:
    """What draws a mark; nothing for labels, which are annotations.

    Args:
        mark: of a figure.
        ending: the template of what the label of each point ends with.
    """
    if isinstance(mark, Line):
        return [*_bands(mark), _line(mark, ending)]
    if isinstance(mark, Points):
        return [_points(mark, ending)]
    return [_bars(mark)] if isinstance(mark, Bars) else []


def annotations(labels: Labels, *, is_log: bool) -> list[Trace]:
    """What writes words at their points.

    Args:
        labels: of a figure.
        is_log: whether its x is logarithmic.
    """
    return [
        {
            # Of all that plotly draws, annotations alone want the logarithm.
            "x": math.log10(x) if is_log else x,
            "y": y,
            "text": escape(text),
            "showarrow": False,
            "font": {"size": 11, "color": f"role:{labels.color}"},
            "bgcolor": "role:paper",
            "opacity": 0.85,
            "borderpad": 1,
            **_SIDES[labels.side],
        }
        for x, y, text in zip(labels.x, labels.y, labels.text, strict=True)
    ]


def escape(text: str) -> str:
    """Plotly reads its texts as a little HTML."""
    return html.escape(text, quote=False)


def _line(line: Line, ending: str) -> Trace:
    style = {"color": f"role:{line.color}", "width": _WIDTHS[line.weight]}
    trace = {
        "type": "scatter",
        "mode": "lines+markers" if line.symbol else "lines",
        "x": _short(line.x),
        "y": _short(line.y),
        "line": {
            **style,
            "dash": line.dash,
            "shape": "hv" if line.is_step else "linear",
        },
        **_hover(line.hover, ending),
        **_legend(line.name),
    }
    if line.symbol:
        color = f"role:{line.color}"
        trace["marker"] = {
            "symbol": _SYMBOLS[line.symbol],
            "size": 7,
            "color": color,
        }
    return trace


def _bands(line: Line) -> list[Trace]:
    """One closed outline for each stretch of points whose interval is known."""
    ends = zip(line.x, line.low, line.high, strict=False)
    stretches: list[list[tuple[float, float, float]]] = [[]]
    for x, low, high in ends:
        if x is None or low is None or high is None:
            stretches.append([])
        else:
            stretches[-1].append((x, low, high))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": _short((*(p[0] for p in own), *(p[0] for p in reversed(own)))),
            "y": _short((*(p[1] for p in own), *(p[2] for p in reversed(own)))),
            "fill": "toself",
            "fillcolor": f"role:{line.color}~",
            "line": {"width": 0},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for own in stretches
        if len(own) > 1
    ]


def _points(points: Points, ending: str) -> Trace:
    color = f"role:{points.color}"
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": _short(points.x),
        "y": _short(points.y),
        "marker": {
            "symbol": _SYMBOLS[points.symbol],
            "size": points.size,
            "color": color,
            "line": {"width": 1.5 if points.symbol in ("hollow", "tick") else 0},
        },
        **_hover(points.hover, ending if points.tells_place else ""),
        **_legend(points.name),
    }
    if any(low is not None for low in points.low):
        trace["error_y"] = _error_bars(points, color)
    return trace


def _error_bars(points: Points, color: str) -> Trace:
    ups = [
        None if high is None or y is None else high - y
        for y, high in zip(points.y, points.high, strict=True)
    ]
    downs = [
        None if low is None or y is None else y - low
        for y, low in zip(points.y, points.low, strict=True)
    ]
    return {
        "type": "data",
        "symmetric": False,
        "array": _short(tuple(ups)),
        "arrayminus": _short(tuple(downs)),
        "color": color,
        "thickness": 1.2,
        "width": 4,
    }


def _bars(bars: Bars) -> Trace:
    lengths = tuple(
        end - start for start, end in zip(bars.start, bars.end, strict=True)
    )
    height = bars.height
    return {
        "type": "bar",
        "orientation": "h",
        "base": _short(bars.start),
        "x": _short(lengths),
        "y": _short(bars.y),
        "width": height if isinstance(height, float) else _short(height),
        "textposition": "none",
        "marker": {
            "color": f"role:{bars.color}",
            "line": {
                "color": "role:paper",
                "width": 0.5 if len(bars.y) <= _MOST_EDGED else 0,
            },
        },
        **_hover(bars.hover, ""),
        **_legend(bars.name),
    }


def _hover(hover: tuple[str, ...], ending: str) -> Mapping[str, Any]:
    if not hover:
        return {"hoverinfo": "skip"}
    template = f"%{{text}}<br>{ending}" if ending else "%{text}"
    return {
        "text": [escape(text) for text in hover],
        "hovertemplate": f"{template}<extra></extra>",
    }


def _legend(name: str) -> Mapping[str, Any]:
    return {"name": escape(name), "showlegend": bool(name)}


def _short(numbers: Numbers) -> list[float | None]:
    """Six digits: more than a screen shows, in half the bytes."""
    return [None if n is None else float(f"{n:.{_DIGITS}g}") for n in numbers]
