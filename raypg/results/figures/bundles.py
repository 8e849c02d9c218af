"""Learning curves of an ablation: a mean and a band an arm.

A mean goes as far as all of an arm's completed seeds do. Beyond that, and for trials
that did not complete, each trial has a thin line of its own: a mean over the survivors
would rise for no other reason than that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from raypg.results.arms import ENDED_WELL, group_arms
from raypg.results.figures.figure import Dash, Line, Mark, Points, Symbol
from raypg.results.figures.palette import SERIES
from raypg.results.figures.source import Source
from raypg.results.figures.strands import Curve, ends, join_curves, strands
from raypg.results.figures.thin import MOST_CURVES, MOST_POINTS, pick_evenly
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

    def means(self) -> dict[int, Mean]:
        """By epoch, of the epochs that every completed trial has."""
        curves = self.completed
        shared = set.intersection(*(set(curve) for curve in curves)) if curves else ()
        return {
            epoch: mean_interval([curve[epoch] for curve in curves])
            for epoch in pick_evenly(sorted(shared), MOST_POINTS)
        }


def draw_arms(source: Source, curves: Mapping[str, Curve]) -> tuple[list[Mark], str]:
    """The marks of an ablation's curves, and the caption."""
    rows = [row for row in source.rows if row["trial"] in curves]
    groups: dict[str, list[FlatRow]] = {}
    for row in rows:
        groups.setdefault(row["arm"] or row["trial"], []).append(row)
    bundles = [Bundle(label, group, curves) for label, group in groups.items()]
    shown = _foremost(source, [*groups])
    marks = [*_draw_others([b for b in bundles if b.label not in shown])]
    for place, bundle in enumerate(b for b in bundles if b.label in shown):
        first, *rest = _draw(bundle, SERIES[place], place)
        marks += [replace(first, name=shorten(bundle.label)), *rest]
    return marks, _caption(source, bundles, len(shown))


def _draw_others(bundles: Sequence[Bundle]) -> Iterator[Mark]:
    """The means of arms that have no colour, as one line with gaps."""
    means = [(bundle.label, bundle.means()) for bundle in bundles]
    curves = [
        (shorten(label), {epoch: mean.mean for epoch, mean in found.items()})
        for label, found in means
        if found
    ]
    if curves:
        shown = pick_evenly(curves, MOST_CURVES)
        yield join_curves(shown, "faint", name=f"other arms ({len(shown)})")


def _foremost(source: Source, labels: Sequence[str]) -> set[str]:
    """The arms that have a colour: the baseline and the best, where they are many.

    By the sweep's own metric: a high `lr` makes no arm the best.
    """
    if len(labels) <= len(SERIES):
        return {*labels}
    means = {arm.label: arm.mean for arm in group_arms(source.rows, source.own_metric)}
    sign = -1 if source.about.get("mode", "max") == "max" else 1
    known = [(sign * m.mean, label) for label, m in means.items() if m is not None]
    base = source.about.get("baseline")
    ranked = [label for _, label in sorted(known) if label in labels] or [*labels]
    first = [label for label in labels if label == base]
    return {*[*first, *(one for one in ranked if one != base)][: len(SERIES)]}


def _draw(bundle: Bundle, color: str, place: int) -> Iterator[Line | Points]:
    means = bundle.means()
    if means:
        yield _mean_line(bundle, means, color, place)
    last = max(means, default=0)
    for row in bundle.rows:
        curve = bundle.curves[row["trial"]]
        has_ended = row["status"] in ENDED_WELL
        rest = {e: v for e, v in curve.items() if not has_ended or e >= last}
        if len(rest) > 1 or not has_ended:
            yield strands([row], {row["trial"]: rest}, color)
        if not has_ended:
            yield ends([row], bundle.curves, color)


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
            f"{bundle.label}, {plural(mean.num_values, 'seed')}" for mean in known
        ),
        weight="medium" if len(bundle.completed) > 1 else "thin",
        dash=_DASHES[place % len(_DASHES)],
        symbol=_SYMBOLS[place % len(_SYMBOLS)] if len(means) <= _MOST_SYMBOLS else "",
    )


def _highs(bundles: Sequence[Bundle]) -> Iterator[float | None]:
    return (mean.high for bundle in bundles for mean in bundle.means().values())


def _caption(source: Source, bundles: Sequence[Bundle], num_colored: int) -> str:
    rows = [row for bundle in bundles for row in bundle.rows]
    cut = [row for row in rows if row["status"] not in ENDED_WELL]
    counts = [len(bundle.completed) for bundle in bundles if bundle.completed]
    said = ["No trial completed yet."]
    if counts:
        mean = f"Mean of {source.metric} by epoch over {describe_seeds(counts)}"
        has_band = max(counts) > 1
        said = [f"{mean}; {f'band: {INTERVAL}' if has_band else 'no interval'}."]
        arms = plural(len(counts), "arm")
        cut_at = describe_cut(_highs(bundles), source.metric)
        said.append(
            f"{plural(len(rows) - len(cut), 'completed trial')} of {arms}.{cut_at}"
        )
    if cut:
        ends_at = "Dotted up to a hollow point, and in no mean"
        said.append(f"{ends_at}: {describe_statuses(cut)}.")
    if num_colored < len(bundles):
        which = f"the baseline and the best by {source.own_metric}"
        some = f" (of these {MOST_CURVES})" if len(bundles) > MOST_CURVES else ""
        said.append(
            f"{num_colored} of {len(bundles)} arms in colour: {which}; of the others"
            f"{some} the means of their completed trials alone."
        )
    if any(len(curve) > MOST_POINTS for b in bundles for curve in b.curves.values()):
        said.append(f"At most {MOST_POINTS} epochs of a curve are drawn, evenly apart.")
    return " ".join(said)
