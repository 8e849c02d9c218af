"""A figure as plotly.js takes it: plain data, with roles where colours belong.

A page looks the roles up in the palette of its theme (`role:blue`, `role:blue~`), so
that a figure is sent once and shown in light and in dark.
"""

from typing import Any

from raypg.results.figures.figure import WHOLE, Axis, Figure, Labels
from raypg.results.figures.screen_marks import Trace, annotations, escape, traces

_HEIGHT, _ROW, _FRAME, _MOST = 400, 26, 150, 1600
"""Pixels: of a figure, of a named row, of what is around the rows, and at most."""

_MOST_EACH = 12
"""Whole numbers, up to which each has a tick."""


def plotly_figure(figure: Figure) -> dict[str, Any]:
    """The `data` and `layout` of a figure; see plotly.com/javascript/reference."""
    ending = _hover_ending(figure)
    data = [trace for mark in figure.marks for trace in traces(mark, ending)]
    labels = [mark for mark in figure.marks if isinstance(mark, Labels)]
    return {
        "data": data,
        "layout": {
            "height": _height(figure),
            "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
            "paper_bgcolor": "role:paper",
            "plot_bgcolor": "role:paper",
            "font": {"color": "role:ink", "size": 12},
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": "role:paper",
                "bordercolor": "role:grey",
                "font": {"color": "role:ink"},
                "align": "left",
            },
            "barmode": "overlay",
            "showlegend": any(trace.get("showlegend") for trace in data),
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1.02,
                "yanchor": "bottom",
            },
            "xaxis": _axis(figure.x, _farthest(data, "x")),
            "yaxis": _axis(figure.y, _farthest(data, "y"), is_upright=True),
            "annotations": [
                one
                for mark in labels
                for one in annotations(mark, is_log=figure.x.is_log)
            ],
        },
    }


def _height(figure: Figure) -> int:
    if figure.y.places:
        return min(_MOST, _FRAME + _ROW * len(figure.y.places))
    return _HEIGHT


def _hover_ending(figure: Figure) -> str:
    """What follows a point's own words in its label: its place on both axes."""
    told = []
    for name, axis in (("x", figure.x), ("y", figure.y)):
        if axis.is_hidden or axis.places:
            continue
        form = ":.2%" if axis.is_ratio else ":.4~g"
        form = ":," if axis.is_count or axis.is_whole else form
        told.append(f"{escape(axis.title)} %{{{name}{form}}}")
    return ", ".join(told)


def _farthest(data: list[Trace], name: str) -> float:
    """The largest number of an axis; what bars add to where they begin is close by."""
    known = [one for trace in data for one in trace[name] if one is not None]
    return max(known, default=0.0)


def _axis(axis: Axis, farthest: float, *, is_upright: bool = False) -> Trace:
    about: Trace = {
        "title": {"text": escape(axis.title), "standoff": 8},
        "type": "log" if axis.is_log else "linear",
        "gridcolor": "role:grid",
        "linecolor": "role:grey",
        "zeroline": False,
        "automargin": True,
        "visible": not axis.is_hidden,
    }
    if axis.is_log:
        about |= {"exponentformat": "power"}
    if axis.is_ratio:
        about |= {"tickformat": ".2~%", "autorangeoptions": {"clipmax": WHOLE}}
    if axis.is_count:
        about |= {"tickformat": "~s"}
    if axis.is_whole:
        about |= {"tickformat": "d"}
        if farthest <= _MOST_EACH:
            about["dtick"] = 1  # plotly would put halves between, and round them
    if axis.ticks:
        about |= {"tickvals": list(axis.ticks), "tickformat": "~g"}
    if axis.places:
        ends = [-0.6, len(axis.places) - 0.4]
        about |= {
            "tickvals": [*range(len(axis.places))],
            "ticktext": [escape(name) for name in axis.places],
            "range": ends[::-1] if is_upright else ends,
            "showgrid": False,
        }
    if axis.span:
        low, high = axis.span
        about["range"] = [low, min(high, WHOLE) if axis.is_ratio else high]
    return about
