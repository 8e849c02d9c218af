"""What a report says, section by section, from the tables of one sweep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from raypg.results.answer import summarise
from raypg.results.columns import ENDED
from raypg.results.failures import FailureGroup, group_failures
from raypg.results.figures import FIGURES, Figure
from raypg.results.figures.source import Source, read_source
from raypg.results.figures.words import describe_statuses, duration
from raypg.results.listing import SweepLine, read_line
from raypg.results.memo import FlatRow
from raypg.results.output import format_cell
from raypg.results.query import Results
from raypg.results.report.comparisons import comparisons, effects_of, marks_of
from raypg.results.report.origin import (
    Facts,
    commands,
    environment,
    fixed,
    varies,
)
from raypg.results.report.tables import Table, trials_table
from raypg.results.searched import describe_searched

_MOST_AXES = 6
"""Of which each has a figure."""


@dataclass(frozen=True)
class Report:
    """One page.

    Attributes:
        sweep: its name.
        made: when the page was.
        facts: what the sweep is, in a line.
        question: its paragraphs; the first one asks.
        answer: in words.
        state: that the sweep goes on, where it does.
        marks: what is unfair in a comparison, before its numbers.
        num_marks: how many these are, also where not all are listed.
        comparisons: tables of arms, effects or the best trials.
        figures: those with something to draw.
        missing: title and reason of the others.
        trials: all of them.
        failures: by cause.
        varies: axes and their values.
        fixed: the rest of the config.
        environment: versions, code, machines.
        commands: what each does, and the command.
    """

    sweep: str
    made: datetime
    facts: Sequence[str]
    question: Sequence[str]
    answer: str
    state: str
    marks: Sequence[str]
    num_marks: int
    comparisons: Sequence[Table]
    figures: Sequence[Figure]
    missing: Facts
    trials: Table | None
    failures: Sequence[FailureGroup]
    varies: Facts
    fixed: Facts
    environment: Facts
    commands: Facts


def read_report(results: Results, sweep: str, made: datetime) -> Report:
    """Everything that a page about a sweep says.

    Args:
        results: of a store.
        sweep: its name.
        made: the moment that the page will name.

    Raises:
        ResultsError: there is no such sweep.
    """
    line = read_line(results.store, sweep)
    source = read_source(results, sweep)
    summary = summarise(results, sweep)
    state = _state(line, source.rows)
    effects = effects_of(source)
    figures = [*_figures(source)]
    about, rows = source.about, source.rows
    return Report(
        sweep=sweep,
        made=made,
        facts=_facts(line, source),
        question=str(about.get("question", "")).strip().split("\n\n"),
        answer=summary.sentence,
        state=state,
        marks=marks_of(effects),
        num_marks=sum(len(effect.marks) for effect in effects),
        comparisons=[*comparisons(source, summary, effects)],
        figures=[figure for figure in figures if not figure.is_empty],
        missing=[(f.title, f.caption) for f in figures if f.is_empty],
        trials=_trials(source),
        failures=group_failures(rows),
        varies=[*varies(source)],
        fixed=[*fixed(source)],
        environment=[*environment(source)],
        commands=[*commands(source, summary, results.store.option, is_over=not state)],
    )


def _facts(line: SweepLine, source: Source) -> list[str]:
    facts = [line.kind, line.state]
    if line.started is not None:
        facts.append(f"started {format_cell(line.started)}")
    if line.seconds is not None:
        facts.append(f"took {duration(line.seconds)}")
    facts.append(describe_statuses(source.rows))
    searched = describe_searched(source.about, source.rows)
    return [*facts, searched] if searched else facts


def _state(line: SweepLine, rows: Sequence[FlatRow]) -> str:
    over = sum(row["status"] in ENDED for row in rows)
    of = "" if line.planned is None else f" of {line.planned}"
    if line.state == "running":
        return (
            f"The sweep is running: {over}{of} trials are over. What follows is so far."
        )
    if over < max(len(rows), line.planned or 0):
        return f"The sweep is not finished: {over}{of} trials are over."
    return ""


def _figures(source: Source) -> Iterator[Figure]:
    kind = source.about.get("kind")
    if kind == "path":
        yield FIGURES["waterfall"].build(source, "")
    yield FIGURES["curves"].build(source, "")
    # What changes on a way changes with all that has changed before.
    axes = [] if kind == "path" else source.axes
    for axis in axes[:_MOST_AXES]:
        yield FIGURES["axis"].build(source, axis)
    if len(axes) > 1:
        yield FIGURES["parallel"].build(source, "")
    if source.axes or source.about.get("arms"):
        for cost in ("parameters", "flops", "seconds"):
            yield FIGURES["tradeoff"].build(source, cost)
    if kind == "search":
        yield FIGURES["importance"].build(source, "")
        yield FIGURES["rungs"].build(source, "")
    yield FIGURES["timeline"].build(source, "")


def _trials(source: Source) -> Table | None:
    if not source.rows:
        return None
    by_arm = source.about.get("kind") in ("ablation", "path")
    return trials_table(
        source.rows, source.metric, source.mode, source.axes, by_arm=by_arm
    )
