"""Two sides against each other: their trials paired by seed, all else alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from raypg.errors import ResultsError, suggest_name
from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.fairness import find_marks
from raypg.results.listing import DEFAULT_METRIC, mode_of
from raypg.results.memo import FlatRow
from raypg.results.paired import Paired, compare_pairs
from raypg.results.query import Results
from raypg.results.sides import Side
from raypg.results.statistics import Mean, correct_holm, mean_interval

MATCHES = {"parameters": "num_parameters", "flops": "num_flops"}
"""What may be alike on request, and its column."""

TOLERANCE = 0.1
"""Share of the larger one by which matched trials may differ."""

_WITHIN = f"{100 * TOLERANCE:.0f} %"
_NO_SETTINGS = ("config.seed", "config.data.root")
"""By the first trials are paired; the second changes no number."""


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


def metric_of(results: Results, sides: Sequence[Side], asked: str = "") -> str:
    """The metric that sides are judged by: the one asked for, or their sweeps' own.

    Raises:
        ResultsError: it is none of validation, or nobody has reported it.
    """
    rows = [row for side in sides for row in side.rows]
    if not asked:
        names = {row["sweep"] for row in rows}
        own = {
            results.sweep_description(name).get("metric", DEFAULT_METRIC)
            for name in names
        }
        return own.pop() if len(own) == 1 else DEFAULT_METRIC
    check_metric(rows, asked)
    return asked


def mode_of_sides(results: Results, sides: Sequence[Side], metric: str) -> str:
    """Which end of the metric is the good one, by the sweeps of all sides.

    Raises:
        ResultsError: they do not agree.
    """
    names = sorted({row["sweep"] for side in sides for row in side.rows})
    modes = {name: mode_of(results.sweep_description(name), metric) for name in names}
    if len(set(modes.values())) > 1:
        found = ", ".join(f"{mode} in {name}" for name, mode in modes.items())
        rule, fix = f"must be better the same way for {metric}", "Compare others."
        raise ResultsError("the sweeps of both sides", rule, found, fix)
    return next(iter(modes.values()))


def check_metric(rows: Sequence[FlatRow], asked: str) -> None:
    """Refuse a metric that is none of validation, or that nobody has reported.

    Raises:
        ResultsError: it is; names the nearest.
    """
    known = sorted({name for row in rows for name in row if "val." in name})
    if asked not in known:
        fix = suggest_name(asked, known)
        raise ResultsError("--metric", "must be one of validation", asked, fix)


def rule_of(metric: str) -> str:
    """Which epoch's value a column of `trials` holds."""
    if metric.startswith("best."):
        return "the best epoch of each trial, which favours the noisy and the long"
    return "the last epoch of each trial"


def _compare(a: Side, b: Side, metric: str, match: str) -> Versus:
    rated, overlap = _apart(a, b, (_rated(a, metric), _rated(b, metric)))
    question, settings = _split_settings(*rated)
    left = []
    if match:
        pairs = _match_pairs(rated, metric, match)
        left = _unmatched(pairs, rated, match)
    else:
        pairs = _pair_keys(rated, settings, metric)
        if settings and not pairs:
            left = [f"settings: not matched in {', '.join(map(_short, settings))}"]
            pairs = _pair_keys(rated, (), metric)
        left += _unpaired(pairs, rated)
    by_seed: dict[int, list[_Pair]] = {}
    for pair in pairs:
        by_seed.setdefault(pair.seed, []).append(pair)
    if not by_seed:
        raise _nothing_shared(a, b, rated, match)
    seeds = sorted(by_seed)
    values = [
        [fmean(pair.values[side] for pair in by_seed[seed]) for seed in seeds]
        for side in (0, 1)
    ]
    paired = _in_pairs(pairs, rated)
    marks = find_marks(paired, (a.rows, b.rows))
    differences = [one - other for one, other in zip(*values, strict=True)]
    return Versus(
        a=a.label,
        b=b.label,
        metric=metric,
        rule=rule_of(metric),
        means=(mean_interval(values[0]), mean_interval(values[1])),
        paired=compare_pairs(differences),
        seeds=tuple(seeds),
        num_trials=(len(paired[0]), len(paired[1])),
        question=tuple(map(_short, question)),
        marks=(*marks, *overlap, *left),
    )


@dataclass(frozen=True)
class _Pair:
    """Trials of both sides with one seed and the same settings."""

    seed: int
    trials: tuple[frozenset[str], frozenset[str]]
    values: tuple[float, float]


def _rated(side: Side, metric: str) -> list[FlatRow]:
    ended = [row for row in side.rows if row["status"] in ENDED_WELL]
    rated = [row for row in ended if is_finite(row.get(metric))]
    if not rated:
        rule = f"must have completed trials with {metric}"
        found = f"{len(ended)} completed of {len(side.rows)}, none with a value"
        fix = "Wait for them, or name another --metric."
        raise ResultsError(f'"{side.label}"', rule, found, fix)
    seeded = [row for row in rated if row["seed"] is not None]
    if not seeded:
        rule, fix = "must have seeds to be paired by", "Import them with a column seed."
        raise ResultsError(f'"{side.label}"', rule, "trials without", fix)
    return seeded


def _apart(
    a: Side, b: Side, rated: tuple[list[FlatRow], list[FlatRow]]
) -> tuple[tuple[list[FlatRow], list[FlatRow]], list[str]]:
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


def _keyed(
    rows: Sequence[FlatRow], settings: Sequence[str]
) -> dict[tuple[object, ...], list[FlatRow]]:
    found: dict[tuple[object, ...], list[FlatRow]] = {}
    for row in rows:
        key = (row["seed"], *(repr(row.get(name)) for name in settings))
        found.setdefault(key, []).append(row)
    return found


def _pair_keys(
    rated: tuple[list[FlatRow], list[FlatRow]], settings: Sequence[str], metric: str
) -> list[_Pair]:
    """The trials of both sides that have the same seed and settings."""
    a, b = (_keyed(rows, settings) for rows in rated)
    return [_pair(a[key], b[key], metric) for key in a if key in b]


def _match_pairs(
    rated: tuple[list[FlatRow], list[FlatRow]], metric: str, match: str
) -> list[_Pair]:
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


def _pair(a: Sequence[FlatRow], b: Sequence[FlatRow], metric: str) -> _Pair:
    return _Pair(
        seed=a[0]["seed"],
        trials=(
            frozenset(row["trial"] for row in a),
            frozenset(row["trial"] for row in b),
        ),
        values=(fmean(row[metric] for row in a), fmean(row[metric] for row in b)),
    )


def _in_pairs(
    pairs: Sequence[_Pair], rated: tuple[list[FlatRow], list[FlatRow]]
) -> tuple[list[FlatRow], list[FlatRow]]:
    """The trials of both sides that have a partner."""
    first, second = (
        frozenset().union(*(pair.trials[side] for pair in pairs)) for side in (0, 1)
    )
    a, b = rated
    return (
        [row for row in a if row["trial"] in first],
        [row for row in b if row["trial"] in second],
    )


def _unpaired(
    pairs: Sequence[_Pair], rated: tuple[list[FlatRow], list[FlatRow]]
) -> list[str]:
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


def _unmatched(
    pairs: Sequence[_Pair], rated: tuple[list[FlatRow], list[FlatRow]], match: str
) -> list[str]:
    all_of_a = len(rated[0])
    num = all_of_a - len(_in_pairs(pairs, rated)[0])
    what = f"have none of B within {_WITHIN} of its {match}"
    return [f"matched: {num} of {all_of_a} trials of A {what}"] if num and pairs else []


def _nothing_shared(
    a: Side, b: Side, rated: tuple[list[FlatRow], list[FlatRow]], match: str
) -> ResultsError:
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


def _short(column: str) -> str:
    return column.removeprefix("config.")
