"""A sweep's answer as a paper prints it: a table, and what its numbers are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raypg.errors import ResultsError
from raypg.results.answer import Summary, summarise
from raypg.results.forms.latex import comment
from raypg.results.forms.markdown import escape
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.numerals import is_ratio, with_reach
from raypg.results.output import Written, print_rows
from raypg.results.query import Results


@dataclass(frozen=True)
class PaperTable:
    """Rows with the units in the names of their columns."""

    rows: list[FlatRow]
    notes: list[str]
    """Sentences without which the numbers say less than they seem to."""


def print_paper(results: Results, sweep: str, form: str) -> None:
    """Print a sweep's answer as `latex`, notes in comments, or as `markdown`.

    Raises:
        ResultsError: There is no such sweep, or no trial of it has a number to print.
    """
    table = build_paper_table(results, sweep)
    if form == "latex":
        print(comment(table.notes))
    print_rows(table.rows, list(table.rows[0]), form)
    if form == "markdown":
        print("", *map(escape, table.notes), sep="\n")


def build_paper_table(results: Results, sweep: str) -> PaperTable:
    """The arms of an ablation, or the best trials of a search.

    Raises:
        ResultsError: There is no such sweep, or no trial of it has a number to print.
    """
    summary = summarise(results, sweep)
    about = results.sweep_description(sweep)
    metric = about.get("metric", DEFAULT_METRIC)
    if all(row[metric] is None for row in summary.rows):
        fix = f"See: python -m raypg.results show {sweep}."
        raise ResultsError(sweep, f"must have a trial with {metric}", "none", fix)
    if about.get("kind") == "ablation":
        rows = [_arm_row(row, metric) for row in summary.rows]
        return PaperTable(rows, _arm_notes(sweep, summary, metric))
    rows = [_trial_row(row, metric) for row in summary.rows]
    notes = [f"{sweep}: {metric} {_rule(metric)} of single trials.", summary.sentence]
    return PaperTable(rows, notes)


def _arm_row(row: Mapping[str, Any], metric: str) -> FlatRow:
    mean, difference = row[metric], row["difference"]
    points = " (points)" if is_ratio(metric) else ""
    reach = None if mean is None else with_reach(mean, row["low"], metric)
    gain = None
    if difference is not None:
        gain = with_reach(difference, row["difference_low"], metric, signed=True)
    return {
        "arm": row["arm"],
        "seeds": row["seeds"],
        _named(metric): _written(reach),
        f"difference{points}": _written(gain),
        "p (Holm)": _written(_p(row["p"])),
        "parameters": _count(row["num_parameters"]),
    }


def _trial_row(row: Mapping[str, Any], metric: str) -> FlatRow:
    axes = {name: value for name, value in row.items() if name.startswith("config.")}
    value = row[metric]
    reach = None if value is None else with_reach(value, None, metric)
    return {
        "trial": row["trial"],
        _named(metric): _written(reach),
        **axes,
        "epochs": row["num_epochs"],
        "parameters": _count(row["num_parameters"]),
    }


def _arm_notes(sweep: str, summary: Summary, metric: str) -> list[str]:
    rows = [row for row in summary.rows if row["seeds"]]
    least, most = (pick(row["seeds"] for row in rows) for pick in (min, max))
    seeds = f"{least} seeds" if least == most else f"{least} to {most} seeds"
    kind = f"mean ± half-width of the 95 % interval (Student's t) over {seeds} an arm"
    if most == 1:
        kind = "one seed an arm, so without an interval"
    notes = [f"{sweep}: {metric} {_rule(metric)}, {kind}."]
    if compared := sum(row["difference"] is not None for row in rows):
        notes.append(
            f"Difference to {summary.baseline}, paired by seed, mean ± half-width as "
            f"well; p after Holm's correction, comparisons: {compared}."
        )
    return [*notes, summary.sentence]


def _rule(metric: str) -> str:
    """At which epoch the metric is taken; a best one over epochs flatters."""
    return f"at the {'best' if metric.startswith('best.') else 'last'} epoch"


def _named(metric: str) -> str:
    return f"{metric} (%)" if is_ratio(metric) else metric


def _p(p: float | None) -> str | None:
    if p is None:
        return None
    return f"{p:.2g}" if p >= 0.001 else "<0.001"


def _count(number: int | None) -> Written | None:
    return None if number is None else Written(f"{number:,}")


def _written(text: str | None) -> Written | None:
    return None if text is None else Written(text)
