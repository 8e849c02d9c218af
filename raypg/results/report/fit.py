"""A report that stays small enough to be sent around, whatever its tables hold.

Nothing is left out of one that has room. What is left out of another is said where it
would stand: long texts are cut, then fewer trials are listed, then figures go.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from raypg.results.failures import FailureGroup
from raypg.results.figures import Figure
from raypg.results.figures.on_screen import plotly_figure
from raypg.results.figures.words import shorten
from raypg.results.report.content import Report
from raypg.results.report.tables import cut_texts, fewer_rows

MOST_BYTES = 6_000_000
"""Of a page in a file, of which plotly.js is 4.8 million."""

_CHARACTERS = 60
"""Of a text in a table."""

_LEAST_TRIALS = 60
_TRACEBACK, _REASON = 8_000, 600
_NO_ROOM = "The page would be too large with it: `results figure` draws it into a file."


def smaller(report: Report) -> Iterator[Report]:
    """The same report again and again, each time smaller than before.

    Args:
        report: with all that a page is to have.
    """
    report = _cut(report)
    yield report
    while report.trials and len(report.trials.rows) > _LEAST_TRIALS:
        most = max(_LEAST_TRIALS, len(report.trials.rows) // 2)
        report = replace(report, trials=fewer_rows(report.trials, most))
        yield report
    while report.figures:
        report = _without(report, max(report.figures, key=_size))
        yield report


def _cut(report: Report) -> Report:
    return replace(
        report,
        trials=report.trials and cut_texts(report.trials, _CHARACTERS),
        comparisons=[cut_texts(table, _CHARACTERS) for table in report.comparisons],
        failures=[_cut_failure(group) for group in report.failures],
    )


def _cut_failure(group: FailureGroup) -> FailureGroup:
    return replace(
        group,
        reason=shorten(group.reason, _REASON),
        traceback=shorten(group.traceback, _TRACEBACK),
    )


def _without(report: Report, figure: Figure) -> Report:
    return replace(
        report,
        figures=[one for one in report.figures if one is not figure],
        missing=[*report.missing, (figure.title, _NO_ROOM)],
    )


def _size(figure: Figure) -> int:
    return len(json.dumps(plotly_figure(figure)))
