"""A figure as PNG, SVG or PDF, by matplotlib: fonts inside, always the same bytes."""

import io
from pathlib import Path
from typing import Any

from raypg.errors import ResultsError
from raypg.results.figures.figure import WHOLE, Axis, Figure
from raypg.results.figures.palette import palette
from raypg.results.figures.paper_marks import draw_mark, plain

FORMATS = ("png", "svg", "pdf")

_STYLE: Any = {  # matplotlib types its keys as literals
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.markersize": 4,
    # Outlines in SVG, whole glyphs in PDF: no reader needs the font.
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    # Names in an SVG follow from this, and not from chance.
    "svg.hashsalt": "raypg",
    "savefig.dpi": 220,
}
_WIDTH_IN, _HEIGHT_IN, _ROW_IN, _FRAME_IN, _MOST_IN = 6.3, 3.6, 0.24, 1.3, 20.0


def draw_file(figure: Figure, form: str) -> bytes:
    """The content of a file that shows a figure.

    The caption is not drawn: it stands in the file's metadata, and whoever sets a page
    sets its captions.

    Args:
        figure: not empty.
        form: one of `FORMATS`.
    """
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with style.context(["default", _STYLE]):
        canvas = Canvas(figsize=_size_in(figure), layout="constrained")
        FigureCanvasAgg(canvas)
        _draw(figure, canvas)
        file = io.BytesIO()
        canvas.savefig(file, format=form, metadata=_metadata(figure, form))
    return file.getvalue()


def format_of(path: str) -> str:
    """What a file's name asks for.

    Raises:
        ResultsError: it has none of the endings that can be drawn.
    """
    form = Path(path).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        rule, fix = "must end in .png, .svg or .pdf", "Name it so."
        raise ResultsError(f"--out {path}", rule, f'"{form}"', fix)
    return form


def _size_in(figure: Figure) -> tuple[float, float]:
    if figure.y.places:
        height = _FRAME_IN + _ROW_IN * len(figure.y.places)
        return _WIDTH_IN, min(_MOST_IN, max(1.8, height))
    return _WIDTH_IN, _HEIGHT_IN


def _metadata(figure: Figure, form: str) -> dict[str, Any]:
    """Without a date: the same tables give the same bytes."""
    if form == "png":
        return {"Title": figure.title, "Description": figure.caption}
    if form == "pdf":
        return {
            "Title": figure.title,
            "Subject": figure.caption,
            "CreationDate": None,
        }
    return {"Title": figure.title, "Description": figure.caption, "Date": None}


def _draw(figure: Figure, canvas: Any) -> None:  # noqa: ANN401 matplotlib's figure
    colors = palette("light")
    axes = canvas.add_subplot()
    axes.grid(color=colors["grid"])
    for order, mark in enumerate(figure.marks, start=2):
        draw_mark(axes, mark, colors, order)
    _set_axis(axes, axes.xaxis, figure.x, "x")
    _set_axis(axes, axes.yaxis, figure.y, "y")
    if figure.y.places:
        axes.invert_yaxis()
    if axes.get_legend_handles_labels()[1]:
        _draw_legend(canvas, axes)


def _draw_legend(canvas: Any, axes: Any) -> None:  # noqa: ANN401
    """Above the plot, where it hides no data."""
    handles, labels = axes.get_legend_handles_labels()
    widest = max(map(len, labels))
    columns = max(1, min(len(labels), 96 // (widest + 6)))
    canvas.legend(handles, labels, loc="outside upper left", ncols=columns)


def _set_axis(axes: Any, axis: Any, about: Axis, which: str) -> None:  # noqa: ANN401
    from matplotlib.ticker import (
        EngFormatter,
        FixedLocator,
        FuncFormatter,
        MaxNLocator,
        NullLocator,
        PercentFormatter,
    )

    axis.set_label_text(plain(about.title))
    if about.is_log:
        getattr(axes, f"set_{which}scale")("log")
    elif about.is_whole:
        axis.set_major_locator(MaxNLocator("auto", integer=True))
    if about.span:
        getattr(axes, f"set_{which}lim")(*about.span)
    if about.is_ratio:
        axis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        low, high = getattr(axes, f"get_{which}lim")()
        getattr(axes, f"set_{which}lim")(low, min(high, WHOLE))
    if about.is_count:
        axis.set_major_formatter(EngFormatter(sep=""))
    if about.ticks:
        axis.set_major_locator(FixedLocator(about.ticks))
        axis.set_minor_locator(NullLocator())
        if not about.is_ratio:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if about.places:
        names = [plain(name) for name in about.places]
        is_long = which == "x" and sum(map(len, names)) > 60
        axis.set_ticks(range(len(names)), names, rotation=20 if is_long else 0)
        axis.grid(visible=False)
        for label in axis.get_ticklabels() if is_long else []:
            label.set_horizontalalignment("right")
        getattr(axes, f"set_{which}lim")(-0.6, len(names) - 0.4)
    if about.is_hidden:
        axis.set_visible(False)
        axes.spines[["left", "bottom"]].set_visible(False)
