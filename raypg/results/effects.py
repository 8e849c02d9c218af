"""What each choice of a sweep does: arms, marginal means, interactions, importances."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from raypg.results.arms import (
    ENDED_WELL,
    Arm,
    arm_label,
    compare_arms,
    group_arms,
    is_finite,
)
from raypg.results.contrasts import Contrast, find_contrasts
from raypg.results.fairness import find_marks
from raypg.results.grid import Grid, build_grid, num_cells
from raypg.results.memo import FlatRow
from raypg.results.paired import Paired, compare_pairs
from raypg.results.statistics import Mean, correct_holm, mean_interval

MOST_CELLS = 1_000_000
"""Of a grid: what has more was not crossed; an ablation has at most 100,000 trials."""


_UNBALANCED = ("unbalanced: not every combination has a value in every seed",)


@dataclass(frozen=True)
class Effect:
    """One line of what a sweep shows.

    Attributes:
        kind: `arm`, `marginal` or `interaction`.
        name: the arm, the axis with its value, or two of these.
        mean: over the seeds; None of an interaction.
        paired: against the baseline, or against the axis' value in it; None of what is
            the baseline, and where no seed is shared.
        p_holm: the t-test's p, corrected for all of its kind.
        is_baseline: whether the others are held against it.
        marks: what makes it unfair, one line each.
    """

    kind: str
    name: str
    mean: Mean | None
    paired: Paired | None
    p_holm: float | None = None
    is_baseline: bool = False
    marks: tuple[str, ...] = ()


def find_effects(
    rows: Sequence[FlatRow], metric: str, axes: Sequence[str], baseline: str | None
) -> list[Effect]:
    """The effects of an ablation's choices.

    Every arm; where axes vary together also each axis' values over all others, and each
    pair of axes; of a two-level fraction each axis' values over all others.

    Args:
        rows: of `trials`, whatever their status.
        metric: what they are judged by.
        axes: dotted names, without `config.`.
        baseline: the label of an arm; empty where nobody named one.
    """
    arms = compare_arms(group_arms(rows, metric), baseline)
    base = next((arm for arm in arms if arm.is_baseline), None)
    if base is None:
        return [Effect("arm", arm.label, arm.mean, None) for arm in arms]
    marks = arm_marks(arms, base, rows, axes, metric)
    effects = _corrected([_arm_effect(arm, base, marks[arm.label]) for arm in arms])
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    rated = [r for r in ended if is_finite(r.get(metric)) and r["seed"] is not None]
    of_base = [row for row in rated if row["arm"] == base.label]
    if of_base and (found := find_contrasts(rated, metric, axes, of_base[0])):
        return effects + _corrected([_contrast_effect(one) for one in found])
    if not of_base or num_cells(rated, axes) > MOST_CELLS:
        return effects
    grid = build_grid(rated, metric, axes, of_base[0])
    crossed = grid.crossed()
    effects += _corrected([one for axis in crossed for one in _marginals(grid, axis)])
    pairs = combinations(crossed, 2)
    return effects + _corrected(
        [one for pair in pairs for one in _interactions(grid, pair)]
    )


def arm_marks(
    arms: Sequence[Arm],
    base: Arm,
    rows: Sequence[FlatRow],
    axes: Sequence[str],
    metric: str,
) -> dict[str, list[str]]:
    """By arm, what makes its comparison with the baseline unfair; of that, nothing.

    Args:
        arms: of an ablation.
        base: the one that the others are held against.
        rows: of all their trials.
        axes: dotted names, without `config.`: what is asked about is no mark.
        metric: what they are judged by.
    """
    given: dict[str, list[FlatRow]] = {arm.label: [] for arm in arms}
    for row in rows:
        given[arm_label(row)].append(row)
    ended = {
        label: [row for row in own if row["status"] in ENDED_WELL]
        for label, own in given.items()
    }
    return {
        label: []
        if label == base.label
        else find_marks(
            (ended[label], ended[base.label]), (own, given[base.label]), metric, axes
        )
        for label, own in given.items()
    }


def _arm_effect(arm: Arm, base: Arm, marks: Sequence[str]) -> Effect:
    shared = sorted(arm.values.keys() & base.values.keys())
    differences = [arm.values[seed] - base.values[seed] for seed in shared]
    is_base = arm.label == base.label
    return Effect(
        kind="arm",
        name=arm.label,
        mean=arm.mean,
        paired=compare_pairs(differences) if differences and not is_base else None,
        is_baseline=is_base,
        marks=tuple(marks),
    )


def _corrected(effects: Sequence[Effect]) -> list[Effect]:
    """With p-values corrected for their number."""
    tested = [effect for effect in effects if effect.paired is not None]
    corrected = iter(correct_holm([e.paired.p_t for e in tested if e.paired]))
    return [
        effect if effect.paired is None else replace(effect, p_holm=next(corrected))
        for effect in effects
    ]


def _marginals(grid: Grid, axis: int) -> Iterator[Effect]:
    for level in range(len(grid.levels[axis])):
        reached, against = grid.marginal(axis, level)
        yield Effect(
            kind="marginal",
            name=grid.name(axis, level),
            mean=mean_interval(reached) if reached else None,
            paired=compare_pairs(against) if against else None,
            is_baseline=level == grid.base[axis],
            marks=() if grid.is_whole else _UNBALANCED,
        )


def _contrast_effect(found: Contrast) -> Effect:
    mixed = "a fraction of resolution III: interactions of two other axes are in it"
    return Effect(
        kind="marginal",
        name=found.name,
        mean=mean_interval(found.reached),
        paired=compare_pairs(found.against) if found.against else None,
        is_baseline=not found.against,
        marks=(mixed,) if found.resolution == 3 else (),
    )


def _interactions(grid: Grid, axes: tuple[int, int]) -> Iterator[Effect]:
    first, second = axes
    for levels in product(grid.changes(first), grid.changes(second)):
        values = grid.interaction(axes, levels)
        if values:
            names = map(grid.name, axes, levels)
            yield Effect("interaction", " × ".join(names), None, compare_pairs(values))
