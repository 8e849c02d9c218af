"""The way of a path sweep, from its tables: its places, and what each step gained.

An arm's label names the changes that are made there, in the order in which the way made
them. So the labels of the places that a way tried next begin with the label of the one
that it had come to, and no other record of the way is needed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.columns import ENDED
from raypg.results.memo import FlatRow
from raypg.results.paired import Paired, compare_pairs
from raypg.results.statistics import CONFIDENCE, Mean, correct_holm, mean_interval
from raypg.space.path import START

ALL = "all"
"""What the step from the start to the end of the way is called."""

Values = Mapping[int, float | None]
"""By seed; None where there is no number."""


@dataclass(frozen=True)
class Step:
    """One change on the way.

    Attributes:
        change: what it sets; `start` for none yet, `all` for the whole way.
        mean: of the metric over the seeds, once it is made; None where none completed.
        gain: over the place before, paired by seed; None for the start.
    """

    change: str
    mean: Mean | None
    gain: Paired | None


def read_steps(rows: Sequence[FlatRow], metric: str) -> list[Step]:
    """The way as it went, each place against the one before, and the whole of it.

    Args:
        rows: of `trials`, of one path sweep, without those that went on as others.
        metric: what places are judged by.
    """
    places: dict[str, list[FlatRow]] = {}
    for row in rows:
        places.setdefault(row["arm"], []).append(row)
    way = [(label, _values(places[label], metric)) for label in _find_way(places)]
    steps: list[Step] = []
    last: str = ""
    before: Values = {}
    for label, values in way:
        steps.append(_step(label.removeprefix(f"{last} "), values, before))
        last, before = label, values
    if len(way) > 2:
        steps.append(_step(ALL, way[-1][1], way[0][1]))
    return steps


def changes_of(steps: Sequence[Step]) -> list[Step]:
    """The steps that are one change each, and have a gain."""
    return [step for step in steps if step.gain and step.change != ALL]


def find_proven(steps: Sequence[Step]) -> dict[str, float]:
    """The changes whose gain or loss is beyond seed noise, with their p-values.

    These are corrected for the number of all changes (Holm).
    """
    changes = changes_of(steps)
    corrected = correct_holm([step.gain.p_t for step in changes if step.gain])
    told = zip(changes, corrected, strict=True)
    return {s.change: p for s, p in told if p is not None and p < 1 - CONFIDENCE}


def _find_way(places: Mapping[str, Sequence[FlatRow]]) -> Iterator[str]:
    """The places that the way went through, from the start on.

    It went on from the one place of a round that others lie behind; a round of one
    place, which has ended, is where the way goes, too.
    """
    behind: dict[str, list[str]] = {}
    for label in places:
        if label != START:
            behind.setdefault(_place_before(label, places), []).append(label)
    found = [START] if START in places else []
    while found:
        (label,) = found
        yield label
        tried = behind.get(label, [])
        found = [one for one in tried if one in behind][:1]
        if not found and len(tried) == 1:
            over = [row for row in places[tried[0]] if row["status"] in ENDED]
            found = tried if len(over) == len(places[START]) else []


def _place_before(label: str, places: Collection[str]) -> str:
    """The place with all but the last changes of a label."""
    while " " in label:
        label = label.rpartition(" ")[0]
        if label in places:
            return label
    return START


def _values(rows: Sequence[FlatRow], metric: str) -> Values:
    return {row["seed"]: _value(row, metric) for row in rows}


def _value(row: FlatRow, metric: str) -> float | None:
    value = row.get(metric)
    return value if row["status"] in ENDED_WELL and is_finite(value) else None


def _step(change: str, values: Values, before: Values) -> Step:
    known = [value for value in values.values() if value is not None]
    pairs = [(values[seed], before.get(seed)) for seed in values]
    gains = [new - old for new, old in pairs if new is not None and old is not None]
    return Step(
        change,
        mean_interval(known) if known else None,
        compare_pairs(gains) if gains else None,
    )
