"""A report as HTML: one file with all of it inside, or a page of a server."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from raypg.results.figures.on_screen import plotly_figure
from raypg.results.figures.palette import palette
from raypg.results.listing import SweepLine
from raypg.results.output import format_cell
from raypg.results.query import Results
from raypg.results.report.content import Report, read_report
from raypg.results.report.fit import MOST_BYTES, smaller

_FOLDER = Path(__file__).with_name("template")
_WIDE = ("parallel", "waterfall", "rungs", "timeline")


_NOT_NUMBERS = ("sweep", "kind", "state", "started", "metric")


@dataclass(frozen=True)
class Live:
    """What a page that is served knows of its server.

    Attributes:
        ask: the path whose answer changes when the page would.
        stamp: that answer as the page was made.
        plotly: the path of the library that draws.
        every_s: how often to ask.
    """

    ask: str
    stamp: str
    plotly: str
    every_s: float


def build_page(
    results: Results, sweep: str, made: datetime, live: Live | None = None
) -> str:
    """The page about a sweep; with less on it where all would be too large.

    Args:
        results: of a store.
        sweep: its name.
        made: the moment that the page names.
        live: of a page that is served, and follows the sweep; None is a file.

    Raises:
        ResultsError: there is no such sweep.
    """
    report = read_report(results, sweep, made)
    room = MOST_BYTES - (len(plotly_source()) if live else 0)
    page = render_page(report, live)
    for less in smaller(report):
        if len(page.encode()) < room:
            break
        page = render_page(less, live)
    return page


def render_page(report: Report, live: Live | None = None) -> str:
    """The page that says what a report does."""
    figures = [plotly_figure(figure) for figure in report.figures]
    return _render(
        "report.html", report.sweep, live, figures, report=report, wide=_WIDE
    )


def render_index(results: Results, live: Live) -> str:
    """The page that lists the sweeps of a store, the newest first."""
    names = [field.name for field in fields(SweepLine)]
    lines = [
        [format_cell(getattr(line, name)) for name in names]
        for line in reversed(results.sweeps())
    ]
    columns = [(name, name not in _NOT_NUMBERS) for name in names]
    store = results.store.uri
    return _render(
        "index.html", "Sweeps", live, [], lines=lines, columns=columns, store=store
    )


def plotly_source() -> str:
    """The library that draws a page's figures."""
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


def _render(
    template: str, title: str, live: Live | None, figures: Sequence[Any], **more: object
) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    themes = {"light": palette("light"), "dark": palette("dark")}
    scripts = [_read("report.js")]
    scripts = [*scripts, _read("live.js")] if live else [plotly_source(), *scripts]
    return environment.get_template(template).render(
        title=title,
        live=live,
        live_data=_json(asdict(live)) if live else "",
        themes=themes,
        styles=_read("report.css"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        data=_json({"themes": themes, "figures": figures}),
        **more,
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(script: str) -> str:
    """By which a browser knows a script that may run: what the tables hold may not."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _json(value: Any) -> str:  # noqa: ANN401
    """For a script element: nothing in it ends that element, or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
