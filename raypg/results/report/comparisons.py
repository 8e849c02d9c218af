"""What a report compares: tables of effects, steps or best trials, and their marks."""

import math
from collections.abc import Iterator, Sequence

from raypg.results.answer import Summary
from raypg.results.effects import Effect, find_effects
from raypg.results.figures.source import Source
from raypg.results.figures.words import MOST_SAID, shorten
from raypg.results.published import describe_otherwise, find_published
from raypg.results.readable import readable_rows
from raypg.results.report.tables import Table, plain_table
from raypg.results.show_effects import readable_effect
from raypg.results.show_published import describe_columns, readable_beside

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
_NO_BASELINE = "Arms, none of which was named as the baseline"
_PUBLISHED = "Published test errors beside ours"
_TITLES = {"trial": "The trial", "path": "The way, one change at a time"}
_BEST = "The best trials"
_FRONT = "What no other trial beats"
_MOST_LINES = 200
"""Of a table of effects."""
_MOST_MARKS = 100
"""Of what is not alike."""


def effects_of(source: Source) -> list[Effect]:
    """What each choice of an ablation does; nothing of another sweep."""
    is_ablation = source.about.get("kind") == "ablation"
    if not is_ablation or not source.rated:
        return []
    baseline = source.about.get("baseline")
    return find_effects(source.rows, source.metric, source.axes, baseline)


def marks_of(effects: Sequence[Effect]) -> list[str]:
    """What is unfair in the comparisons with the baseline, one line each."""
    marks = [
        f"{shorten(effect.name, MOST_SAID)} (A) and the baseline (B): {mark}"
        for effect in effects
        for mark in effect.marks
    ]
    more = len(marks) - _MOST_MARKS
    if more <= 0:
        return marks
    return [*marks[:_MOST_MARKS], f"{more:,} more: see `results effects`."]


def comparisons(
    source: Source, summary: Summary, effects: Sequence[Effect]
) -> Iterator[Table]:
    """The tables: of effects by their kind, or what the answer has.

    Args:
        source: of the sweep.
        summary: its answer.
        effects: as `effects_of` gives them.
    """
    if found := find_published(source.about, source.rows):
        said = [*describe_otherwise(found), describe_columns(source.sweep, found)]
        rows = [readable_beside(one) for one in found]
        yield plain_table(_PUBLISHED, rows, ". ".join(said))
    for kind, title in _KINDS.items():
        own = [effect for effect in effects if effect.kind == kind]
        if own:
            rows = [readable_effect(effect, source.metric) for effect in _largest(own)]
            said = [_LEGEND] if kind == "arm" else []
            if kind == "arm" and not any(effect.is_baseline for effect in own):
                title = _NO_BASELINE
            if len(rows) < len(own):
                said.append(f"The {len(rows)} largest of {len(own):,}.")
            yield plain_table(title, rows, " ".join(said))
    if not effects:
        rows = [
            {name.removeprefix("config."): cell for name, cell in row.items()}
            for row in readable_rows(summary, source.metric)
        ]
        if rows:
            title = _TITLES.get(source.about.get("kind", ""), _BEST)
            yield plain_table(_FRONT if summary.front else title, rows)


def _largest(effects: Sequence[Effect]) -> list[Effect]:
    """The baseline and the largest differences, in the order of all."""
    if len(effects) <= _MOST_LINES:
        return [*effects]

    def size(effect: Effect) -> float:
        gap = abs(effect.paired.difference.mean) if effect.paired else 0.0
        return math.inf if effect.is_baseline else gap

    kept = sorted(map(size, effects), reverse=True)[_MOST_LINES - 1]
    return [effect for effect in effects if size(effect) >= kept][:_MOST_LINES]
