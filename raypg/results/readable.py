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
        metric: _with_reach(row[metric], row["low"], metric),
        "against baseline": _difference(row, metric),
        "p": MISSING if row["p"] is None else f"{row['p']:.2g}",
        "parameters": _cell("num_parameters", row["num_parameters"], metric),
        "seconds": _cell("train_s", row["train_s"], metric),
    }


def _with_reach(mean: float | None, low: float | None, metric: str) -> str:
    """`97.22 ± 2.66 %`: half the width of the 95 % interval behind the sign."""
    if mean is None:
        return MISSING
    if low is None:
        return format_metric(mean, metric)
    if is_ratio(metric):
        return f"{100 * mean:.2f} ± {100 * (mean - low):.2f} %"
    return f"{mean:.4f} ± {mean - low:.4f}"


def _difference(row: FlatRow, metric: str) -> str:
    mean, low = row["difference"], row["difference_low"]
    if mean is None:
        return MISSING
    scale, digits, unit = (100, 2, " points") if is_ratio(metric) else (1, 4, "")
    reach = "" if low is None else f" ± {scale * (mean - low):.{digits}f}"
    return f"{scale * mean:+.{digits}f}{reach}{unit}"


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
