"""A sweep's answer as a person reads it: few columns, percent, mean ± interval."""

from typing import Any

from raypg.results.answer import Summary, summarise
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.output import MISSING, print_table
from raypg.results.query import Results
from raypg.results.wording import format_metric, is_ratio


def print_answer(results: Results, sweep: str) -> None:
    """Print the table of a sweep's arms or best trials, its sentence, and what next."""
    summary = summarise(results, sweep)
    about = results.sweep_description(sweep)
    print_summary(summary, about.get("metric", DEFAULT_METRIC))


def print_summary(summary: Summary, metric: str) -> None:
    """Print a summary for reading; `print_rows` prints one for machines."""
    rows = [readable_row(row, metric) for row in summary.rows]
    if rows:
        print_table(rows, list(rows[0]))
        print()
    print(summary.sentence)
    print(f"Ask further: {summary.query_command}")


def readable_row(row: FlatRow, metric: str) -> dict[str, Any]:
    """A row of a summary in percent, with its interval beside the mean."""
    if "arm" not in row:
        return {name: _cell(name, value, metric) for name, value in row.items()}
    return {
        "arm": row["arm"],
        "seeds": row["seeds"],
        metric: _reached(row, metric),
        "against baseline": _difference(row, metric),
        "p": MISSING if row["p"] is None else f"{row['p']:.2g}",
        "parameters": _cell("num_parameters", row["num_parameters"], metric),
        "seconds": _cell("train_s", row["train_s"], metric),
    }


def with_reach(
    mean: float, low: float | None, metric: str, *, signed: bool = False
) -> str:
    """`97.22 ± 2.66`: in percent for ratios, half the width of the interval behind.

    Args:
        mean: of values of the metric, or of differences between them.
        low: the lower end of its interval; None where there is none.
        metric: whose values they are.
        signed: whether a gain has its plus.
    """
    scale, digits = (100, 2) if is_ratio(metric) else (1, 4)
    text = f"{scale * mean:{'+' if signed else ''}.{digits}f}"
    return text if low is None else f"{text} ± {scale * (mean - low):.{digits}f}"


def _reached(row: FlatRow, metric: str) -> str:
    if row[metric] is None:
        return MISSING
    if row["low"] is None:
        return format_metric(row[metric], metric)
    unit = " %" if is_ratio(metric) else ""
    return with_reach(row[metric], row["low"], metric) + unit


def _difference(row: FlatRow, metric: str) -> str:
    mean, low = row["difference"], row["difference_low"]
    if mean is None:
        return MISSING
    unit = " points" if is_ratio(metric) else ""
    return with_reach(mean, low, metric, signed=True) + unit


def _cell(name: str, value: object, metric: str) -> object:
    if value is None:
        return MISSING
    if name == metric and isinstance(value, float):
        return format_metric(value, metric)
    if name == "num_parameters":
        return f"{value:,}"
    if name == "train_s" and isinstance(value, float):
        return f"{value:.1f}"
    return value
