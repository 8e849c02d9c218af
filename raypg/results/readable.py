"""A sweep's answer as a person reads it: few columns, percent, mean ± interval."""

from typing import Any

from raypg.results.answer import Summary, summarise
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric, format_reach
from raypg.results.output import MISSING, print_table
from raypg.results.published import has_published
from raypg.results.query import Results
from raypg.results.show_front import readable_front
from raypg.results.show_published import print_published
from raypg.results.show_way import print_steps, readable_step


def print_answer(results: Results, sweep: str) -> None:
    """Print a table of arms, steps or best trials, the sentence, and what next."""
    about = results.sweep_description(sweep)
    metric = about.get("metric", DEFAULT_METRIC)
    if has_published(about):
        print_published(results, sweep)
        print()
    print_summary(summarise(results, sweep), metric, about.get("mode", "max"))


def print_summary(summary: Summary, metric: str, mode: str) -> None:
    """Print a summary for reading; `print_rows` prints one for machines."""
    rows = readable_rows(summary, metric)
    for mark in summary.marks:
        print(f"not alike: {mark}")
    if summary.steps:
        print_steps(summary.steps, metric, mode)
    elif rows:
        print_table(rows, list(rows[0]))
    if rows:
        print()
    print(summary.sentence)
    print(f"Ask further: {summary.query_command}")


def readable_rows(summary: Summary, metric: str) -> list[dict[str, Any]]:
    """The rows of a summary in percent, with their intervals beside the means."""
    if summary.front:
        return readable_front(summary.front)
    if summary.steps:
        return [readable_step(step, metric) for step in summary.steps]
    return [_readable_row(row, metric) for row in summary.rows]


def _readable_row(row: FlatRow, metric: str) -> dict[str, Any]:
    if "arm" not in row:
        return {name: _cell(name, value, metric) for name, value in row.items()}
    return {
        "arm": row["arm"],
        "seeds": row["seeds"],
        metric: _reach(row, metric, "low", metric, is_amount=False),
        "against baseline": _reach(
            row, "difference", "difference_low", metric, is_amount=True
        ),
        "p": MISSING if row["p"] is None else f"{row['p']:.2g}",
        "parameters": _cell("num_parameters", row["num_parameters"], metric),
        "seconds": _cell("train_s", row["train_s"], metric),
    }


def _reach(row: FlatRow, name: str, low: str, metric: str, *, is_amount: bool) -> str:
    if row[name] is None:
        return MISSING
    return format_reach(row[name], row[low], metric, is_amount=is_amount)


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
