"""A sweep's answer as a paper prints it: a table, and what its numbers are."""

from collections.abc import Mapping, Sequence
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
    """The arms of an ablation, the steps of a way, or the best trials of a search.

    Raises:
        ResultsError: There is no such sweep, or no trial of it has a number to print.
    """
    summary = summarise(results, sweep)
    about = results.sweep_description(sweep)
    metric = about.get("metric", DEFAULT_METRIC)
    value = "mean" if summary.steps else metric
    if all(row[value] is None for row in summary.rows):
        fix = f"See: python -m raypg.results show {sweep}."
        raise ResultsError(sweep, f"must have a trial with {metric}", "none", fix)
    if summary.steps:
        rows = [_step_row(row, metric) for row in summary.rows]
        return PaperTable(rows, _step_notes(sweep, summary, metric))
    if about.get("kind") == "ablation":
        rows = [_arm_row(row, metric) for row in summary.rows]
        return PaperTable(rows, _arm_notes(sweep, summary, metric))
    if summary.front:
        names = [one.name for one in summary.front.objectives]
        rows = [_front_row(row, names) for row in summary.rows]
        said = f"{sweep}: {' and '.join(names)} {_rule(metric)} of single trials."
        return PaperTable(rows, [said, summary.sentence])
    rows = [_trial_row(row, metric) for row in summary.rows]
    notes = [f"{sweep}: {metric} {_rule(metric)} of single trials.", summary.sentence]
    return PaperTable(rows, notes)


def _arm_row(row: Mapping[str, Any], metric: str) -> FlatRow:
    gap, low = row["difference"], row["difference_low"]
    return {
        "arm": row["arm"],
        "seeds": row["seeds"],
        _named(metric): _reach(row[metric], row["low"], metric),
        f"difference{_points(metric)}": _reach(gap, low, metric, signed=True),
        "p (Holm)": _p(row["p"]),
        "parameters": _count(row["num_parameters"]),
    }


def _step_row(row: Mapping[str, Any], metric: str) -> FlatRow:
    gap, low = row["difference"], row["interval_low"]
    return {
        "change": row["change"],
        "seeds": row["seeds"],
        _named(metric): _reach(row["mean"], row["mean_low"], metric),
        f"difference{_points(metric)}": _reach(gap, low, metric, signed=True),
        "p": _p(row["p_value_t"]),
    }


def _trial_row(row: Mapping[str, Any], metric: str) -> FlatRow:
    axes = {name: value for name, value in row.items() if name.startswith("config.")}
    return {
        "trial": row["trial"],
        _named(metric): _reach(row[metric], None, metric),
        **axes,
        "epochs": row["num_epochs"],
        "parameters": _count(row["num_parameters"]),
    }


def _front_row(row: Mapping[str, Any], metrics: Sequence[str]) -> FlatRow:
    shown: FlatRow = {"trial": row["trial"]}
    for name in metrics:
        is_count = name.startswith("num_")
        value = _count(row[name]) if is_count else _reach(row[name], None, name)
        shown[_named(name)] = value
    return shown | {name: row[name] for name in row if name.startswith("config.")}


def _arm_notes(sweep: str, summary: Summary, metric: str) -> list[str]:
    rows = [row for row in summary.rows if row["seeds"]]
    notes = [_first_note(sweep, rows, metric, "an arm")]
    if compared := sum(row["difference"] is not None for row in rows):
        notes.append(
            f"Difference to {summary.baseline}, paired by seed, mean ± half-width as "
            f"well; p after Holm's correction, comparisons: {compared}."
        )
    return [
        *notes,
        *(f"Not alike: {mark}." for mark in summary.marks),
        summary.sentence,
    ]


def _step_notes(sweep: str, summary: Summary, metric: str) -> list[str]:
    rows = [row for row in summary.rows if row["seeds"]]
    notes = [_first_note(sweep, rows, metric, "a place")]
    if any(row["difference"] is not None for row in rows):
        notes.append(
            "Difference to the place before (of all: to the start), paired by seed, "
            "mean ± half-width as well; p of the t-test, not corrected."
        )
    return [*notes, summary.sentence]


def _first_note(
    sweep: str, rows: Sequence[Mapping[str, Any]], metric: str, each: str
) -> str:
    """What the means are of; rows have seeds, at least one."""
    least, most = (pick(row["seeds"] for row in rows) for pick in (min, max))
    seeds = f"{least} seeds" if least == most else f"{least} to {most} seeds"
    kind = f"mean ± half-width of the 95 % interval (Student's t) over {seeds} {each}"
    if most == 1:
        kind = f"one seed {each}, so without an interval"
    return f"{sweep}: {metric} {_rule(metric)}, {kind}."


def _rule(metric: str) -> str:
    """At which epoch the metric is taken; a best one over epochs flatters."""
    return f"at the {'best' if metric.startswith('best.') else 'last'} epoch"


def _points(metric: str) -> str:
    return " (points)" if is_ratio(metric) else ""


def _named(metric: str) -> str:
    return f"{metric} (%)" if is_ratio(metric) else metric


def _reach(
    mean: float | None, low: float | None, metric: str, *, signed: bool = False
) -> Written | None:
    if mean is None:
        return None
    return Written(with_reach(mean, low, metric, signed=signed))


def _p(p: float | None) -> Written | None:
    if p is None:
        return None
    return Written(f"{p:.2g}" if p >= 0.001 else "<0.001")


def _count(number: int | None) -> Written | None:
    return None if number is None else Written(f"{number:,}")
