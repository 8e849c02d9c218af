"""Two sides against each other: their trials paired by seed, all else alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from raypg.results.fairness import find_marks
from raypg.results.matching import match_sides
from raypg.results.metric import rule_of
from raypg.results.paired import Paired, compare_pairs
from raypg.results.sides import Side
from raypg.results.statistics import Mean, correct_holm, mean_interval


@dataclass(frozen=True)
class Versus:
    """Side A against side B.

    Attributes:
        a: as it was named.
        b: as it was named.
        metric: of validation, that both are judged by.
        rule: how the metric was chosen from the epochs.
        means: of the paired trials of A and of B, over the seeds.
        paired: A less B, one difference a seed.
        seeds: that both have.
        num_trials: of A and of B that are in the number.
        question: the settings in which the sides differ throughout.
        marks: what makes it unfair, one line each.
        p_holm: the t-test's p, corrected where several are compared.
    """

    a: str
    b: str
    metric: str
    rule: str
    means: tuple[Mean, Mean]
    paired: Paired
    seeds: tuple[int, ...]
    num_trials: tuple[int, int]
    question: tuple[str, ...]
    marks: tuple[str, ...]
    p_holm: float | None = None


def compare_sides(
    first: Side, others: Sequence[Side], metric: str, match: str = ""
) -> list[Versus]:
    """The first side against each of the others, corrected for their number.

    Args:
        first: A of every comparison.
        others: B, one a comparison.
        metric: a column of `trials`.
        match: a key of `MATCHES`; trials are then paired by what is most alike instead
            of by their settings.

    Raises:
        ResultsError: a side has no value, or a pair of sides no common seed.
    """
    found = [_compare(first, other, metric, match) for other in others]
    corrected = correct_holm([versus.paired.p_t for versus in found])
    return [replace(v, p_holm=p) for v, p in zip(found, corrected, strict=True)]


def _compare(a: Side, b: Side, metric: str, match: str) -> Versus:
    matched = match_sides(a, b, metric, match)
    values = [
        [fmean(pair.values[side] for pair in own) for own in matched.by_seed.values()]
        for side in (0, 1)
    ]
    differences = [one - other for one, other in zip(*values, strict=True)]
    marks = find_marks(matched.trials, (a.rows, b.rows), metric)
    return Versus(
        a=a.label,
        b=b.label,
        metric=metric,
        rule=rule_of(metric),
        means=(mean_interval(values[0]), mean_interval(values[1])),
        paired=compare_pairs(differences),
        seeds=tuple(matched.by_seed),
        num_trials=(len(matched.trials[0]), len(matched.trials[1])),
        question=tuple(name.removeprefix("config.") for name in matched.question),
        marks=(*marks, *matched.remarks),
    )
