"""Which trials are compared with which, and what they answer to the same images.

Shapes: D the two sides (A, B) · S pairs of trials · N validation images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raypg.errors import ResultsError
from raypg.results.columns import LEFT
from raypg.results.memo import FlatRow
from raypg.results.query import Results, quoted

RowPair = tuple[FlatRow, FlatRow]


@dataclass(frozen=True)
class Predictions:
    """What one trial says of every image, in the order of the split."""

    trial: str
    example_N: NDArray[np.int32]
    label_N: NDArray[np.int32]
    predicted_N: NDArray[np.int32]
    probability_N: NDArray[np.float32]


@dataclass(frozen=True)
class Answers:
    """What both sides say of every image, in every pair."""

    example_N: NDArray[np.int32]
    label_N: NDArray[np.int32]
    predicted_DSN: NDArray[np.int32]
    probability_DSN: NDArray[np.float32]
    """Of the predicted class."""
    right_DSN: NDArray[np.bool_]
    only_DSN: NDArray[np.bool_]
    """Where a side is right and the other one wrong."""


def pair_rows(rows_a: Sequence[FlatRow], rows_b: Sequence[FlatRow]) -> list[RowPair]:
    """The trials to compare with each other, by seed.

    Raises:
        ResultsError: no seed is on both sides, one is on a side twice, or a trial
            would be compared with itself.
    """
    if len(rows_a) == len(rows_b) == 1:
        pairs = [(rows_a[0], rows_b[0])]
    else:
        seeds_a, seeds_b = _by_seed("A", rows_a), _by_seed("B", rows_b)
        shared = sorted(seeds_a.keys() & seeds_b.keys())
        pairs = [(seeds_a[seed], seeds_b[seed]) for seed in shared]
        if not pairs:
            seeds = [", ".join(map(str, sorted(one))) for one in (seeds_a, seeds_b)]
            found = f"{seeds[0] or 'none'} in A and {seeds[1] or 'none'} in B"
            fix = "Name two trials by their ids: those are compared whatever the seeds."
            raise ResultsError("A and B", "must share a seed", found, fix)
    if same := [a["trial"] for a, b in pairs if a["trial"] == b["trial"]]:
        rule, fix = "must be different trials", "Name something else as B."
        raise ResultsError("A and B", rule, f"{same[0]} on both sides", fix)
    return pairs


def read_predictions(
    results: Results, rows: Sequence[FlatRow]
) -> dict[str, Predictions]:
    """What each trial predicts, by its id; those that have none are not there."""
    wanted = ", ".join(
        f"({place}, {quoted(row['sweep'])}, {quoted(row['trial'])})"
        for place, row in enumerate(rows)
    )
    table = results.sql(
        f"""select place, example, label,
            coalesce(predicted, list_position(probabilities, top) - 1) as predicted,
            coalesce(probability, top) as probability
        from (select *, list_max(probabilities) as top from predictions
            join (values {wanted}) as wanted(place, sweep, trial) using (sweep, trial))
        order by place, example""",
        sweeps=sorted({row["sweep"] for row in rows}),
    )
    places, *columns = (column.to_numpy() for column in table.columns)
    cuts = np.searchsorted(places, np.arange(1, len(rows)))
    parts = zip(*(np.split(column, cuts) for column in columns), strict=True)
    return {
        row["trial"]: Predictions(row["trial"], *part)
        for row, part in zip(rows, parts, strict=True)
        if len(part[0])
    }


def stack_answers(pairs: Sequence[tuple[Predictions, Predictions]]) -> Answers:
    """The answers of all pairs, image by image.

    Raises:
        ResultsError: two trials were validated on different images.
    """
    first = pairs[0][0]
    sides = list(zip(*pairs, strict=True))
    for side in sides:
        for one in side:
            _check_same_images(first, one)
    predicted_DSN = np.array([[one.predicted_N for one in side] for side in sides])
    right_DSN = predicted_DSN == first.label_N
    return Answers(
        first.example_N,
        first.label_N,
        predicted_DSN,
        np.array([[one.probability_N for one in side] for side in sides]),
        right_DSN,
        right_DSN & ~right_DSN[::-1],
    )


def _by_seed(side: str, rows: Sequence[FlatRow]) -> dict[int, FlatRow]:
    """The trial of each seed; one that went on as another does not count."""
    found: dict[int, FlatRow] = {}
    for row in rows:
        if row["status"] in LEFT:
            continue
        other = found.setdefault(row["seed"], row)
        if other is not row:
            both = " and ".join(f"{r['trial']} of {r['sweep']}" for r in (other, row))
            rule, fix = "must have one trial a seed", "Narrow it, or add --sweep NAME."
            found_two = f"two of seed {row['seed']}, {both}"
            raise ResultsError(side, rule, found_two, fix)
    return found


def _check_same_images(one: Predictions, other: Predictions) -> None:
    if not np.array_equal(one.example_N, other.example_N):
        found = f"{len(one.example_N)} and {len(other.example_N)}, not the same ones"
    elif num_other := int((one.label_N != other.label_N).sum()):
        found = f"other labels of {num_other} of {len(one.label_N)}"
    else:
        return
    where, rule = (
        f"{one.trial} and {other.trial}",
        "must be validated on the same images",
    )
    fix = "Compare trials of one data set: see config.data in `trials`."
    raise ResultsError(where, rule, found, fix)
