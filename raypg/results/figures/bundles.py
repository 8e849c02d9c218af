"""Learning curves of an ablation: a mean and a band an arm.

A mean goes as far as all of an arm's completed seeds do. Beyond that, and for trials
that did not complete, each trial has a thin line of its own: a mean over the survivors
would rise for no other reason than that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from raypg.results.arms import ENDED_WELL, group_arms
from raypg.results.figures.figure import Dash, Line, Mark, Points, Symbol
from raypg.results.figures.palette import SERIES
from raypg.results.figures.source import Source
from raypg.results.figures.strands import Curve, ends, join_curves, strands
from raypg.results.figures.thin import (
    MOST_CURVES,
    MOST_POINTS,
    MOST_STRANDS,
    pick_evenly,
    points_each,
)
from raypg.results.figures.words import (
    INTERVAL,
    describe_cut,
    describe_seeds,
    describe_statuses,
    plural,
    shorten,
)
from raypg.results.memo import FlatRow
from raypg.results.statistics import Mean, mean_interval

_DASHES: Sequence[Dash] = ("solid", "dash", "dot", "dashdot")
_SYMBOLS: Sequence[Symbol] = ("circle", "square", "diamond", "triangle")
_MOST_PALE = 1_500
"""Points of the arms without a colour."""
_MOST_SYMBOLS = 12
"""Points of a line, beyond which they hide it."""


@dataclass(frozen=True)
class Bundle:
    """The curves of one arm.

    Attributes:
        label: the arm.
        rows: of `trials`, each with a curve.
        curves: by trial.
    """

    label: str
    rows: Sequence[FlatRow]
    curves: Mapping[str, Curve]

    @property
    def completed(self) -> list[Curve]:
        """Of the trials that ended well."""
        ended = [row["trial"] for row in self.rows if row["status"] in ENDED_WELL]
        return [self.curves[trial] for trial in ended]

    def rows_of(self, trials: Collection[str]) -> list[FlatRow]:
        """The rows of some of its trials."""
        return [row for row in self.rows if row["trial"] in trials]

    @cached_property
    def means(self) -> dict[int, Mean]:
        """By epoch, of the epochs that every completed trial has."""
        curves = self.completed
        shared = set.intersection(*(set(curve) for curve in curves)) if curves else ()
        return {
            epoch: mean_interval([curve[epoch] for curve in curves])
            for epoch in pick_evenly(sorted(shared), MOST_POINTS)
        }

    @cached_property
    def singles(self) -> tuple[dict[str, Curve], dict[str, Curve]]:
        """Single trials: completed ones beyond the mean's end, and those cut short."""
        last = max(self.means, default=0)
        beyond: dict[str, Curve] = {}
        cut: dict[str, Curve] = {}
        for row in self.rows:
            trial, curve = row["trial"], self.curves[row["trial"]]
            rest = {epoch: v for epoch, v in curve.items() if epoch >= last}
            if row["status"] not in ENDED_WELL:
                cut[trial] = curve
            elif len(rest) > 1:
                beyond[trial] = rest
        picked = (pick_evenly([*own.items()], MOST_STRANDS) for own in (beyond, cut))
        return dict(next(picked)), dict(next(picked))


def draw_arms(source: Source, curves: Mapping[str, Curve]) -> tuple[list[Mark], str]:
    """The marks of an ablation's curves, and the caption."""
    rows = [row for row in source.rows if row["trial"] in curves]
    groups: dict[str, list[FlatRow]] = {}
    for row in rows:
        groups.setdefault(row["arm"] or row["trial"], []).append(row)
    bundles = [Bundle(label, group, curves) for label, group in groups.items()]
    foremost = _foremost(source, [*groups])
    shown = [bundle for bundle in bundles if bundle.label in foremost]
    marks = [*_draw_others([b for b in bundles if b.label not in foremost])]
    most = points_each(sum(len(own) for b in shown for own in b.singles))
    for place, bundle in enumerate(shown):
        first, *rest = _draw(bundle, SERIES[place], place, most)
        marks += [replace(first, name=shorten(bundle.label)), *rest]
    return marks, _caption(source, bundles, shown)


def _draw_others(bundles: Sequence[Bundle]) -> Iterator[Mark]:
    """The means of arms that have no colour, as one line with gaps."""
    shown = pick_evenly([b for b in bundles if b.completed], MOST_CURVES)
    curves = [
        (shorten(bundle.label), {epoch: mean.mean for epoch, mean in found.items()})
        for bundle in shown
        if (found := bundle.means)
    ]
    if curves:
        most = points_each(len(curves), _MOST_PALE)
        yield join_curves(
            curves, "faint", name=f"other arms ({len(curves)})", most=most
        )


def _foremost(source: Source, labels: Sequence[str]) -> set[str]:
    """The arms that have a colour: the baseline and the best, where they are many.

    By the sweep's own metric: a high `lr` makes no arm the best.
    """
    if len(labels) <= len(SERIES):
        return {*labels}
    means = {arm.label: arm.mean for arm in group_arms(source.rows, source.own_metric)}
    sign = -1 if source.about.get("mode", "max") == "max" else 1
    known = [(sign * m.mean, label) for label, m in means.items() if m is not None]
    drawn = {*labels}
    base = source.about.get("baseline")
    ranked = [label for _, label in sorted(known) if label in drawn] or [*labels]
    first = [label for label in labels if label == base]
    return {*[*first, *(one for one in ranked if one != base)][: len(SERIES)]}


def _draw(bundle: Bundle, color: str, place: int, most: int) -> Iterator[Line | Points]:
    if bundle.means:
        yield _mean_line(bundle, bundle.means, color, place)
    for curves in bundle.singles:
        if curves:
            yield strands(bundle.rows_of(curves), curves, color, most=most)
    _, cut = bundle.singles
    if cut:
        yield ends(bundle.rows_of(cut), cut, color)


def _mean_line(
    bundle: Bundle, means: Mapping[int, Mean], color: str, place: int
) -> Line:
    known = [*means.values()]
    has_band = any(mean.low is not None for mean in known)
    return Line(
        x=tuple(means),
        y=tuple(mean.mean for mean in known),
        color=color,
        low=tuple(mean.low for mean in known) if has_band else (),
        high=tuple(mean.high for mean in known) if has_band else (),
        hover=tuple(
            f"{shorten(bundle.label)}, {plural(mean.num_values, 'seed')}"
            for mean in known
        ),
        weight="medium" if len(bundle.completed) > 1 else "thin",
        dash=_DASHES[place % len(_DASHES)],
        symbol=_SYMBOLS[place % len(_SYMBOLS)] if len(means) <= _MOST_SYMBOLS else "",
    )


def _highs(bundles: Sequence[Bundle]) -> Iterator[float | None]:
    return (mean.high for bundle in bundles for mean in bundle.means.values())


def _caption(source: Source, bundles: Sequence[Bundle], shown: Sequence[Bundle]) -> str:
    rows = [row for bundle in bundles for row in bundle.rows]
    cut = [row for row in rows if row["status"] not in ENDED_WELL]
    counts = [len(bundle.completed) for bundle in bundles if bundle.completed]
    said = ["No trial completed yet."]
    if counts:
        mean = f"Mean of {source.metric} by epoch over {describe_seeds(counts)}"
        has_band = max(counts) > 1
        said = [f"{mean}; {f'band: {INTERVAL}' if has_band else 'no interval'}."]
        arms = plural(len(counts), "arm")
        cut_at = describe_cut(_highs(shown), source.metric)
        said.append(
            f"{plural(len(rows) - len(cut), 'completed trial')} of {arms}.{cut_at}"
        )
    if cut:
        ends_at = "Dotted up to a hollow point, and in no mean"
        said.append(f"{ends_at}: {describe_statuses(cut)}.")
    if len(shown) < len(bundles):
        which = f"the baseline and the best by {source.own_metric}"
        some = f" (of these {MOST_CURVES})" if len(bundles) > MOST_CURVES else ""
        said.append(
            f"{len(shown)} of {len(bundles)} arms in colour: {which}; of the others"
            f"{some} the means of their completed trials alone."
        )
    if any(len(b.rows) > MOST_STRANDS for b in shown if any(b.singles)):
        said.append(f"At most {MOST_STRANDS} single trials of an arm are drawn.")
    if any(len(curve) > MOST_POINTS for b in bundles for curve in b.curves.values()):
        some = f"At most {MOST_POINTS} epochs of a curve are drawn, evenly apart"
        said.append(f"{some}, and fewer of thin ones.")
    return " ".join(said)
