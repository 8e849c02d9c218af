"""A report as one HTML file: its scripts, styles and data inside, nothing fetched."""

import base64
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from raypg.results.figures.on_screen import plotly_figure
from raypg.results.figures.palette import palette
from raypg.results.query import Results
from raypg.results.report.content import Report, read_report

_FOLDER = Path(__file__).with_name("template")
_WIDE = ("parallel", "rungs", "timeline")


def build_page(results: Results, sweep: str, made: datetime) -> str:
    """The page about a sweep.

    Args:
        results: of a store.
        sweep: its name.
        made: the moment that the page names.

    Raises:
        ResultsError: there is no such sweep.
    """
    return render_page(read_report(results, sweep, made))


def render_page(report: Report) -> str:
    """The page that says what a report does."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    themes = {"light": palette("light"), "dark": palette("dark")}
    scripts = [get_plotlyjs(), (_FOLDER / "report.js").read_text("utf-8")]
    return environment.get_template("report.html").render(
        report=report,
        themes=themes,
        wide=_WIDE,
        styles=(_FOLDER / "report.css").read_text("utf-8"),
        scripts=scripts,
        hashes=[_hash(script) for script in scripts],
        data=_json(
            {
                "themes": themes,
                "figures": [plotly_figure(figure) for figure in report.figures],
            }
        ),
    )


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
