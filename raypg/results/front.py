"""The Pareto front of a sweep: what no other trial, or no other arm, beats."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raypg.errors import ResultsError, suggest_name
from raypg.results.arms import ENDED_WELL, arm_label, is_finite
from raypg.results.columns import LEFT
from raypg.results.listing import DEFAULT_METRIC, mode_of
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.statistics import Mean, mean_interval
from raypg.space.objectives import (
    MODES,
    Objective,
    build_objectives,
    split_objective,
)

BEST = "best."
"""Begins the names of what the best epoch of a trial gave, in place of its last."""


@dataclass(frozen=True)
class Candidate:
    """An arm with its seeds, or a trial of a search."""

    label: str
    rows: Sequence[FlatRow]
    """Of the trials that ended well and have every metric."""
    means: Sequence[Mean]
    """One a metric, in their order."""

    @property
    def values(self) -> tuple[float, ...]:
        """The middles of the means."""
        return tuple(mean.mean for mean in self.means)


@dataclass(frozen=True)
class Front:
    """The candidates that no other beats, the best by the first metric first."""

    objectives: Sequence[Objective]
    members: Sequence[Candidate]
    num_candidates: int
    """Whom they were chosen from."""
    num_left_out: int
    """Trials that ended well, but lack one of the metrics or have a NaN there."""
    by_arm: bool
    axes: Sequence[str]


def find_front(points: Sequence[Sequence[float]], modes: Sequence[str]) -> list[int]:
    """The points that no other beats, by index, the best by the first value first.

    One beats another if it is no worse in any value, and better in one: points that
    are alike in all do not beat each other. A point with a NaN is on no front.

    Args:
        points: as many values each as there are modes.
        modes: `max` or `min` of a value is better.
    """
    signs = [1 if mode == "max" else -1 for mode in modes]
    gains = [
        tuple(sign * value for sign, value in zip(signs, point, strict=True))
        for point in points
    ]
    known = [i for i, own in enumerate(gains) if not any(map(math.isnan, own))]
    front: list[int] = []
    # Whoever beats a point stands before it, and is on the front or beaten from there.
    for index in sorted(known, key=lambda i: gains[i], reverse=True):
        # Of two values the last one on the front has the highest second so far.
        rivals = front[-1:] if len(signs) <= 2 else reversed(front)
        if not any(_beats(gains[rival], gains[index]) for rival in rivals):
            front.append(index)
    return front


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether `one` is before the other, where more is better."""
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def read_front(results: Results, sweep: str, asked: Sequence[str] = ()) -> Front:
    """The front of a sweep: of arms by their means over seeds, of a search's trials.

    Args:
        results: where it lies.
        sweep: its name.
        asked: metrics as `NAME` or `NAME:MODE`; none: the sweep's own, and where it
            has a single one, that and the number of parameters.

    Raises:
        ResultsError: there is no such sweep or metric, or no trial has them all.
    """
    about = results.sweep_description(sweep)
    rows = [row for row in results.trials(sweep) if row["status"] not in LEFT]
    front = build_front(about, rows, _objectives(about, rows, asked))
    if not front.members:
        names = ", ".join(one.name for one in front.objectives)
        rule = f"must have a completed trial with {names}"
        fix = f"See: python -m raypg.results show {sweep}."
        raise ResultsError(sweep, rule, f"none of {len(rows)}", fix)
    return front


def build_front(
    about: Mapping[str, Any], rows: Sequence[FlatRow], objectives: Sequence[Objective]
) -> Front:
    """The front among the trials of a sweep; empty where none has all metrics.

    Args:
        about: the description of the sweep.
        rows: of its trials.
        objectives: two or more.
    """
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    rated = [r for r in ended if all(is_finite(r.get(o.name)) for o in objectives)]
    by_arm = about.get("kind") != "search"
    groups: dict[str, list[FlatRow]] = {}
    for row in rated:
        groups.setdefault(arm_label(row) if by_arm else row["trial"], []).append(row)
    candidates = [
        Candidate(
            label,
            own,
            [
                mean_interval([float(row[one.name]) for row in own])
                for one in objectives
            ],
        )
        for label, own in groups.items()
    ]
    modes = [one.mode for one in objectives]
    places = find_front([one.values for one in candidates], modes)
    return Front(
        objectives,
        [candidates[place] for place in places],
        len(candidates),
        len(ended) - len(rated),
        by_arm,
        list(about.get("axes", ())),
    )


def own_objectives(about: Mapping[str, Any]) -> tuple[Objective, ...]:
    """The metrics of a search that has several; none of any other sweep."""
    return build_objectives(about.get("metrics", ()))


def _objectives(
    about: Mapping[str, Any], rows: Sequence[FlatRow], asked: Sequence[str]
) -> list[Objective]:
    if not asked and (several := own_objectives(about)):
        return list(several)
    own = (about.get("metric", DEFAULT_METRIC), "num_parameters")
    known = {name for row in rows for name in row if "val." in name} | {*MODES}
    found: dict[str, Objective] = {}
    for text in asked or own:
        name, mode = split_objective(text)
        if name not in known:
            fix = suggest_name(name, sorted(known))
            rule = "must be of validation, or a cost"
            raise ResultsError("--metric", rule, name, fix)
        if name in found:
            rule, fix = "must all differ", "Name each once."
            raise ResultsError("--metric", rule, f"{name} twice", fix)
        if mode not in ("", "max", "min"):
            fix = f"Write {name}:min or {name}:max."
            raise ResultsError("--metric", "must end in :max or :min", text, fix)
        found[name] = Objective(name, mode or _mode_of(about, name))
    if len(found) < 2:
        rule, fix = "must be given twice or more", "One alone: results best."
        raise ResultsError("--metric", rule, ", ".join(found), fix)
    return list(found.values())


def _mode_of(about: Mapping[str, Any], name: str) -> str:
    """Which end is the good one, where nobody says it."""
    own = {one.name: one.mode for one in own_objectives(about)}
    known = own.get(name) or MODES.get(name.removeprefix(BEST))
    return known or mode_of(about, name)
