"""Which trials of two sides are subtracted: those alike in all but the question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from raypg.errors import ResultsError
from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.memo import FlatRow
from raypg.results.sides import Side

MATCHES = {"parameters": "num_parameters", "flops": "num_flops"}
"""What may be alike on request, and its column."""

TOLERANCE = 0.1
"""Share of the larger one by which matched trials may differ."""

_WITHIN = f"{100 * TOLERANCE:.0f} %"
_NO_SETTINGS = ("config.seed", "config.data.root")
"""By the first trials are paired; the second changes no number."""

Both = tuple[list[FlatRow], list[FlatRow]]
"""Trials of A and of B."""


@dataclass(frozen=True)
class Pair:
    """Trials of both sides with one seed and the same settings."""

    seed: int
    trials: tuple[frozenset[str], frozenset[str]]
    values: tuple[float, float]


@dataclass(frozen=True)
class Matched:
    """What two sides have to compare.

    Attributes:
        by_seed: the pairs of each seed that both sides have, in order.
        trials: those of A and of B that are in a pair.
        question: columns of the config in which the sides differ throughout.
        remarks: what could not be paired, one line each.
    """

    by_seed: Mapping[int, Sequence[Pair]]
    trials: Both
    question: Sequence[str]
    remarks: Sequence[str]


def match_sides(a: Side, b: Side, metric: str, match: str = "") -> Matched:
    """The pairs of two sides.

    Args:
        a: the one.
        b: the other.
        metric: a column of `trials`.
        match: a key of `MATCHES`; trials are then paired by what is most alike instead
            of by their settings.

    Raises:
        ResultsError: a side has no value, both are the same, or share no seed.
    """
    rated, remarks = _apart(a, b, (_rated(a, metric), _rated(b, metric)))
    question, settings = _split_settings(*rated)
    if match:
        pairs = _match_pairs(rated, metric, match)
        remarks += _unmatched(pairs, rated, match)
    else:
        pairs = _pair_keys(rated, settings, metric)
        if settings and not pairs:
            named = ", ".join(name.removeprefix("config.") for name in settings)
            remarks.append(f"settings: not matched in {named}")
            pairs = _pair_keys(rated, (), metric)
        remarks += _unpaired(pairs, rated)
    if not pairs:
        raise _nothing_shared(a, b, rated, match)
    by_seed: dict[int, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda one: one.seed):
        by_seed.setdefault(pair.seed, []).append(pair)
    return Matched(
        by_seed=by_seed,
        trials=_in_pairs(pairs, rated),
        question=question,
        remarks=remarks,
    )


def _rated(side: Side, metric: str) -> list[FlatRow]:
    ended = [row for row in side.rows if row["status"] in ENDED_WELL]
    rated = [row for row in ended if is_finite(row.get(metric))]
    if not rated:
        rule = f"must have completed trials with {metric}"
        num_nan = sum(row.get(metric) is not None for row in ended)
        nan = f" ({num_nan} are NaN or infinite)" if num_nan else ""
        found = f"{len(ended)} completed of {len(side.rows)}, none with a number{nan}"
        fix = "Wait for them, or name another --metric."
        raise ResultsError(f'"{side.label}"', rule, found, fix)
    seeded = [row for row in rated if row["seed"] is not None]
    if not seeded:
        rule, fix = "must have seeds to be paired by", "Import them with a column seed."
        raise ResultsError(f'"{side.label}"', rule, "trials without", fix)
    return seeded


def _apart(a: Side, b: Side, rated: Both) -> tuple[Both, list[str]]:
    """The sides without what both have; the smaller one keeps it where it is all of it.

    Raises:
        ResultsError: they are one and the same.
    """
    ids = [{row["trial"] for row in rows} for rows in rated]
    both = ids[0] & ids[1]
    if not both:
        return rated, []
    if ids[0] == ids[1]:
        rule, fix = "must be of different trials", "Name another side."
        raise ResultsError(f'"{a.label}" and "{b.label}"', rule, "the same", fix)
    larger = 0 if len(ids[0]) > len(ids[1]) else 1
    kept = [[row for row in rows if row["trial"] not in both] for rows in rated]
    if both in ids:
        kept[1 - larger] = rated[1 - larger]
    mark = f"overlap: {len(both)} trials on both sides do not count for {'AB'[larger]}"
    return (kept[0], kept[1]), [mark]


def _split_settings(
    a: Sequence[FlatRow], b: Sequence[FlatRow]
) -> tuple[list[str], list[str]]:
    """The settings that are the question, and those by which trials are matched.

    The question is what no trial of one side shares with any of the other.
    """
    names = sorted({n for row in (*a, *b) for n in row if n.startswith("config.")})
    question, settings = [], []
    for name in names:
        first, second = ({repr(row.get(name)) for row in rows} for rows in (a, b))
        if name in _NO_SETTINGS or first | second == {"None"}:
            continue
        if not first & second:
            question.append(name)
        elif len(first | second) > 1:
            settings.append(name)
    return question, settings


def _pair_keys(rated: Both, settings: Sequence[str], metric: str) -> list[Pair]:
    """The trials of both sides that have the same seed and settings."""
    a, b = (_keyed(rows, settings) for rows in rated)
    return [_pair(a[key], b[key], metric) for key in a if key in b]


def _keyed(
    rows: Sequence[FlatRow], settings: Sequence[str]
) -> dict[tuple[object, ...], list[FlatRow]]:
    found: dict[tuple[object, ...], list[FlatRow]] = {}
    for row in rows:
        key = (row["seed"], *(repr(row.get(name)) for name in settings))
        found.setdefault(key, []).append(row)
    return found


def _match_pairs(rated: Both, metric: str, match: str) -> list[Pair]:
    """Each trial of A with that of B of its seed which is most like it."""
    a, b = rated
    column = MATCHES[match]
    pairs = []
    for row in a:
        of_seed = [r for r in b if r["seed"] == row["seed"] and r[column] is not None]
        if row[column] is None or not of_seed:
            continue
        nearest = min(of_seed, key=lambda other: abs(other[column] - row[column]))
        most = max(row[column], nearest[column])
        if abs(row[column] - nearest[column]) <= TOLERANCE * most:
            pairs.append(_pair([row], [nearest], metric))
    return pairs


def _pair(a: Sequence[FlatRow], b: Sequence[FlatRow], metric: str) -> Pair:
    return Pair(
        seed=a[0]["seed"],
        trials=(
            frozenset(row["trial"] for row in a),
            frozenset(row["trial"] for row in b),
        ),
        values=(fmean(row[metric] for row in a), fmean(row[metric] for row in b)),
    )


def _in_pairs(pairs: Sequence[Pair], rated: Both) -> Both:
    """The trials of both sides that have a partner."""
    first, second = (
        frozenset().union(*(pair.trials[side] for pair in pairs)) for side in (0, 1)
    )
    a, b = rated
    return (
        [row for row in a if row["trial"] in first],
        [row for row in b if row["trial"] in second],
    )


def _unpaired(pairs: Sequence[Pair], rated: Both) -> list[str]:
    """Trials whose seed and settings the other side lacks."""
    kept = _in_pairs(pairs, rated)
    seeds = {row["seed"] for row in rated[0]} & {row["seed"] for row in rated[1]}
    # More seeds on one side are no fault of the comparison.
    shared = [[row for row in rows if row["seed"] in seeds] for rows in rated]
    sides = zip("AB", shared, kept, strict=True)
    return [
        f"unpaired: {len(rows) - len(kept)} of {len(rows)} trials of {name} have no "
        "partner of their seed and settings"
        for name, rows, kept in sides
        if kept and len(kept) < len(rows)
    ]


def _unmatched(pairs: Sequence[Pair], rated: Both, match: str) -> list[str]:
    all_of_a = len(rated[0])
    num = all_of_a - len(_in_pairs(pairs, rated)[0])
    what = f"have none of B within {_WITHIN} of its {match}"
    return [f"matched: {num} of {all_of_a} trials of A {what}"] if num and pairs else []


def _nothing_shared(a: Side, b: Side, rated: Both, match: str) -> ResultsError:
    where = f'"{a.label}" and "{b.label}"'
    seeds = [sorted({row["seed"] for row in rows}) for rows in rated]
    told = " against ".join(", ".join(map(str, one)) for one in seeds)
    if match and set(seeds[0]) & set(seeds[1]):
        rule = f"must have trials within {_WITHIN} of the same {match}"
        sizes = [sorted({row[MATCHES[match]] or 0 for row in rows}) for rows in rated]
        told = " against ".join(", ".join(f"{n:,}" for n in one[:5]) for one in sizes)
        return ResultsError(where, rule, told, "Compare without --match.")
    rule, fix = "must have a seed in common", "Train both with the same seeds."
    return ResultsError(where, rule, f"seeds {told}", fix)
