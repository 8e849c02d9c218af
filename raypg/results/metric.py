"""What sides are judged by, which end of it is the good one, and of which epoch."""

from collections.abc import Sequence

from raypg.errors import ResultsError, suggest_name
from raypg.results.listing import DEFAULT_METRIC, mode_of
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.sides import Side


def metric_of(results: Results, sides: Sequence[Side], asked: str = "") -> str:
    """The metric that sides are judged by: the one asked for, or their sweeps' own.

    Raises:
        ResultsError: it is none of validation, or nobody has reported it.
    """
    rows = [row for side in sides for row in side.rows]
    if not asked:
        names = {row["sweep"] for row in rows}
        own = {
            results.sweep_description(name).get("metric", DEFAULT_METRIC)
            for name in names
        }
        return own.pop() if len(own) == 1 else DEFAULT_METRIC
    check_metric(rows, asked)
    return asked


def mode_of_sides(results: Results, sides: Sequence[Side], metric: str) -> str:
    """Which end of the metric is the good one, by the sweeps of all sides.

    Raises:
        ResultsError: they do not agree.
    """
    names = sorted({row["sweep"] for side in sides for row in side.rows})
    modes = {name: mode_of(results.sweep_description(name), metric) for name in names}
    if len(set(modes.values())) > 1:
        found = ", ".join(f"{mode} in {name}" for name, mode in modes.items())
        rule, fix = f"must be better the same way for {metric}", "Compare others."
        raise ResultsError("the sweeps of both sides", rule, found, fix)
    return next(iter(modes.values()))


def check_metric(rows: Sequence[FlatRow], asked: str) -> None:
    """Refuse a metric that is none of validation, or that nobody has reported.

    Raises:
        ResultsError: it is; names the nearest.
    """
    known = sorted({name for row in rows for name in row if "val." in name})
    if asked not in known:
        fix = suggest_name(asked, known)
        raise ResultsError("--metric", "must be one of validation", asked, fix)


def rule_of(metric: str) -> str:
    """Which epoch's value a column of `trials` holds."""
    if metric.startswith("best."):
        return "the best epoch of each trial, which favours the noisy and the long"
    return "the last epoch of each trial"
