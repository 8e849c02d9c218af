"""What many trials say of the same images, class by class, from the stored tables.

Shapes: M trials · N images · K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from raypg.errors import ResultsError
from raypg.results.calibration import Labels, Probs
from raypg.results.columns import LEFT
from raypg.results.examples import describe_status
from raypg.results.memo import FlatRow
from raypg.results.query import Results, quoted

_SPLITS = {"predictions": "validated", "test_predictions": "tested"}


@dataclass(frozen=True)
class Members:
    """Trials that answered the same images."""

    rows: list[FlatRow]
    """Of `trials`, one a trial."""
    probs_MNK: Probs
    labels_N: Labels
    left_out: list[str]
    """Trials without such answers, each with the reason."""


def read_members(
    results: Results, rows: Sequence[FlatRow], table: str = "predictions"
) -> Members:
    """The stored probabilities of trials, those without any left out.

    Args:
        results: of the store that holds the trials.
        rows: flat rows of `trials`; one that is there twice counts once.
        table: `predictions` or `test_predictions`.

    Raises:
        ResultsError: fewer than two have any, or their images or classes differ.
    """
    unique = {row["trial"]: row for row in rows if row["status"] not in LEFT}
    found = _read(results, [*unique.values()], table) if unique else {}
    kept = [trial for trial in unique if trial in found and found[trial].has_all]
    left_out = [
        f"{trial} ({_why_not(unique[trial], found.get(trial))})"
        for trial in unique
        if trial not in kept
    ]
    if len(kept) < 2:
        rule, fix = "needs two trials with probabilities", "Name more trials."
        named = f"{len(kept)} of {len(unique)} named"
        why = "; ".join(left_out[:3])
        raise ResultsError("ensemble", rule, f"{named}: {why}" if why else named, fix)
    first = found[kept[0]]
    for trial in kept[1:]:
        _check_alike(kept[0], first, trial, found[trial], _SPLITS[table])
    probs_MNK = np.stack([found[trial].probs_NK for trial in kept])
    # Half precision leaves sums that are off 1 by some 1e-3.
    probs_MNK /= probs_MNK.sum(2, keepdims=True)
    kept_rows = [unique[trial] for trial in kept]
    return Members(kept_rows, probs_MNK, first.label_N, left_out)


@dataclass(frozen=True)
class _Answers:
    example_N: Labels
    label_N: Labels
    probs_NK: Probs

    @property
    def has_all(self) -> bool:
        """Whether the probability of every class was kept."""
        return bool(self.probs_NK.size)


def _read(results: Results, rows: Sequence[FlatRow], table: str) -> dict[str, _Answers]:
    wanted = ", ".join(
        f"({place}, {quoted(row['sweep'])}, {quoted(row['trial'])})"
        for place, row in enumerate(rows)
    )
    answers = results.sql(
        f"""select place, example, label, probabilities from {table}
            join (values {wanted}) as wanted(place, sweep, trial) using (sweep, trial)
        order by place, example""",
        sweeps=sorted({row["sweep"] for row in rows}),
    )
    ends = np.searchsorted(answers["place"].to_numpy(), np.arange(len(rows) + 1))
    found = {}
    for row, start, end in zip(rows, ends, ends[1:], strict=False):
        if end > start:
            own = answers.slice(start, end - start)
            found[row["trial"]] = _Answers(
                own["example"].to_numpy().astype(np.int64),
                own["label"].to_numpy().astype(np.int64),
                _matrix(own["probabilities"], end - start),
            )
    return found


def _matrix(lists: pa.ChunkedArray, num_rows: int) -> Probs:
    """Lists of one length as a matrix; without columns where there are none."""
    flat = pa.chunked_array([chunk.flatten() for chunk in lists.chunks], pa.float32())
    values: Probs = flat.to_numpy().astype(np.float32)
    return values.reshape(num_rows, len(values) // num_rows)


def _why_not(row: FlatRow, answers: _Answers | None) -> str:
    if answers is None:
        return f"it is {describe_status(row)} and has no predictions"
    return "of its predictions only the class was kept, as all exceed 10 MB"


def _check_alike(
    one: str, first: _Answers, other: str, answers: _Answers, done: str
) -> None:
    num_one, num_other = first.probs_NK.shape[1], answers.probs_NK.shape[1]
    where, fix = f"{one} and {other}", "Name trials of one data set."
    if not np.array_equal(first.example_N, answers.example_N):
        sizes = f"{len(first.example_N)} and {len(answers.example_N)}"
        found = f"{sizes}, not the same ones"
        raise ResultsError(where, f"must be {done} on the same images", found, fix)
    if num_one != num_other:
        found = f"{num_one} and {num_other}"
        raise ResultsError(where, "must have the same classes", found, fix)
    if num := int((first.label_N != answers.label_N).sum()):
        found = f"other labels of {num} of {len(first.label_N)}"
        raise ResultsError(where, f"must be {done} on the same images", found, fix)
