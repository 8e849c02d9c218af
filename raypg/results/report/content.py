"""What a report says, section by section, from the tables of one sweep."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from raypg.results.answer import Summary, summarise
from raypg.results.columns import ENDED
from raypg.results.effects import Effect, find_effects
from raypg.results.failures import FailureGroup, group_failures
from raypg.results.figures import FIGURES, Figure
from raypg.results.figures.source import Source, read_source
from raypg.results.figures.words import describe_statuses, duration
from raypg.results.listing import SweepLine, read_line
from raypg.results.memo import FlatRow
from raypg.results.output import format_cell
from raypg.results.query import Results
from raypg.results.readable import readable_row
from raypg.results.report.origin import (
    Facts,
    commands,
    environment,
    fixed,
    varies,
)
from raypg.results.report.tables import Table, plain_table, trials_table
from raypg.results.show_effects import readable_effect

_KINDS = {
    "arm": "Arms, against the baseline",
    "marginal": "Each value over all other axes, against the baseline's value",
    "interaction": "What two changes give together beyond what each gives alone",
}
_LEGEND = (
    "Means and differences with 95 % t-intervals over seeds, paired by seed. p (Holm): "
    "of the t-test, corrected for the number of lines; p (signs): of the permutation "
    "test; d: the difference over its standard deviation; finds: the smallest "
    "difference that so many seeds find with 80 % power."
)
_MOST_AXES = 6
_MOST_LINES = 200
"""Of a table of effects."""


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
    effects = _effects(source)
    figures = [*_figures(source)]
    about, rows = source.about, source.rows
    return Report(
        sweep=sweep,
        made=made,
        facts=_facts(line, rows),
        question=str(about.get("question", "")).strip().split("\n\n"),
        answer=summary.sentence,
        state=state,
        marks=[
            f"{effect.name} (A) and the baseline (B): {mark}"
            for effect in effects
            for mark in effect.marks
        ],
        comparisons=[*_comparisons(source, summary, effects)],
        figures=[figure for figure in figures if not figure.is_empty],
        missing=[(f.title, f.caption) for f in figures if f.is_empty],
        trials=_trials(source),
        failures=group_failures(rows),
        varies=[*varies(source)],
        fixed=[*fixed(source)],
        environment=[*environment(source)],
        commands=[*commands(source, summary, results.store.option, is_over=not state)],
    )


def _facts(line: SweepLine, rows: Sequence[FlatRow]) -> list[str]:
    facts = [line.kind, line.state]
    if line.started is not None:
        facts.append(f"started {format_cell(line.started)}")
    if line.seconds is not None:
        facts.append(f"took {duration(line.seconds)}")
    return [*facts, describe_statuses(rows)]


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


def _effects(source: Source) -> list[Effect]:
    is_ablation = source.about.get("kind") == "ablation"
    if not is_ablation or not source.rated:
        return []
    baseline = source.about.get("baseline")
    return find_effects(source.rows, source.metric, source.axes, baseline)


def _comparisons(
    source: Source, summary: Summary, effects: Sequence[Effect]
) -> Iterator[Table]:
    for kind, title in _KINDS.items():
        own = [effect for effect in effects if effect.kind == kind]
        if own:
            rows = [readable_effect(effect, source.metric) for effect in _largest(own)]
            said = [_LEGEND] if kind == "arm" else []
            if len(rows) < len(own):
                said.append(f"The {len(rows)} largest of {len(own):,}.")
            yield plain_table(title, rows, " ".join(said))
    if not effects:
        rows = [
            {
                name.removeprefix("config."): cell
                for name, cell in readable_row(row, source.metric).items()
            }
            for row in summary.rows
        ]
        if rows:
            is_trial = source.about.get("kind") == "trial"
            yield plain_table("The trial" if is_trial else "The best trials", rows)


def _largest(effects: Sequence[Effect]) -> list[Effect]:
    """The baseline and the largest differences, in the order of all."""
    if len(effects) <= _MOST_LINES:
        return [*effects]

    def size(effect: Effect) -> float:
        gap = abs(effect.paired.difference.mean) if effect.paired else 0.0
        return math.inf if effect.is_baseline else gap

    kept = sorted(map(size, effects), reverse=True)[_MOST_LINES - 1]
    return [effect for effect in effects if size(effect) >= kept][:_MOST_LINES]


def _figures(source: Source) -> Iterator[Figure]:
    kind = source.about.get("kind")
    yield FIGURES["curves"].build(source, "")
    for axis in source.axes[:_MOST_AXES]:
        yield FIGURES["axis"].build(source, axis)
    if len(source.axes) > 1:
        yield FIGURES["parallel"].build(source, "")
    if source.axes:
        for cost in ("parameters", "flops", "seconds"):
            yield FIGURES["tradeoff"].build(source, cost)
    if kind == "search":
        yield FIGURES["importance"].build(source, "")
        yield FIGURES["rungs"].build(source, "")
    yield FIGURES["timeline"].build(source, "")


def _trials(source: Source) -> Table | None:
    if not source.rows:
        return None
    by_arm = source.about.get("kind") == "ablation"
    return trials_table(
        source.rows, source.metric, source.mode, source.axes, by_arm=by_arm
    )
