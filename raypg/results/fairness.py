"""What makes a comparison unfair: what two sides differ in beside the question."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.memo import FlatRow

ASPECTS: Mapping[str, Sequence[str]] = {
    "epochs done": ("num_epochs",),
    "precision": ("config.train.precision",),
    "data": ("config.data.name", "fingerprint.data"),
    "part of the training set": ("config.data.fraction",),
    "effective batch": ("config.train.batch_size",),
    "micro-batch": ("micro_batch",),
    "device": ("fingerprint.device",),
    "workers a trial": ("num_workers",),
    "threads a worker": ("num_threads",),
    "torch": ("fingerprint.torch",),
}
"""What is said of columns in which two sides differ; of several the first that does."""

_FOLLOWS = {"num_epochs": "train.epochs", "micro_batch": "train.micro_batch"}
_MOST_FILES = 3


def find_marks(
    paired: tuple[Sequence[FlatRow], Sequence[FlatRow]],
    given: tuple[Sequence[FlatRow], Sequence[FlatRow]],
    metric: str,
    asked: Collection[str] = (),
) -> list[str]:
    """What is to be said before the number, one line each; nothing where all is alike.

    Files of code that only one side was trained by are no mark: each model has its own.

    Args:
        paired: the trials of A and of B that are in the number.
        given: all that A and B were to be, whatever their status.
        metric: a column of `trials`; those without a number in it do not count.
        asked: dotted names whose effect is the very question: no mark either.
    """
    marks = []
    if all(paired):
        marks = [
            f"{aspect}: {_told(first)} against {_told(second)}"
            for aspect, columns in ASPECTS.items()
            if not any(_setting(column) in asked for column in columns)
            for first, second in [_first_difference(*paired, columns)]
            if first != second
        ]
    if files := _changed_code(*paired):
        more = f" and {len(files) - _MOST_FILES} more" * (len(files) > _MOST_FILES)
        marks.append(f"code: {', '.join(files[:_MOST_FILES])}{more} changed between")
    again = [sum((row["attempt"] or 0) > 0 for row in rows) for rows in paired]
    if any(again):
        a, b = (f"{n} of {len(r)}" for n, r in zip(again, paired, strict=True))
        marks.append(f"retries: {a} trials of A and {b} of B were started again")
    for name, rows in zip("AB", given, strict=True):
        marks += _of_one_side(name, rows)
        marks += _without_number(name, rows, metric)
    return marks


def _setting(column: str) -> str:
    """The dotted name that a column follows from."""
    return _FOLLOWS.get(column, column.removeprefix("config."))


def _first_difference(
    a: Sequence[FlatRow], b: Sequence[FlatRow], columns: Sequence[str]
) -> tuple[set[object], set[object]]:
    for column in columns:
        found = {row.get(column) for row in a}, {row.get(column) for row in b}
        if found[0] != found[1]:
            return found
    return set(), set()


def _told(values: set[object]) -> str:
    known = sorted(values - {None}, key=lambda value: (str(type(value)), value))
    told = [f"{value:g}" if isinstance(value, float) else str(value) for value in known]
    if len(told) > 4:
        told = [f"{told[0]} to {told[-1]}"]
    return ", ".join([*told, *["none"] * (None in values)])


def _changed_code(a: Sequence[FlatRow], b: Sequence[FlatRow]) -> list[str]:
    """Files that trained both sides, and were not the same."""
    first, second = _hashes(a), _hashes(b)
    both = sorted(first.keys() & second.keys())
    return [name for name in both if first[name] != second[name]]


def _hashes(rows: Sequence[FlatRow]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text in {row.get("fingerprint.code") or "{}" for row in rows}:
        for name, value in json.loads(text).items():
            found.setdefault(name, set()).add(value)
    return found


def _of_one_side(name: str, rows: Sequence[FlatRow]) -> list[str]:
    """Trials that are not in the number, and those that two versions trained."""
    marks = []
    counts = Counter(row["status"] for row in rows)
    if num := counts["stopped"]:
        what = "the scheduler stopped early are censored"
        marks.append(f"censored: {num} of {len(rows)} trials of {name} that {what}")
    if num := counts["failed"]:
        marks.append(f"failed: {num} of {len(rows)} trials of {name} are left out")
    if num := len(rows) - sum(counts[s] for s in (*ENDED_WELL, "stopped", "failed")):
        marks.append(f"unfinished: {num} of {len(rows)} trials of {name} are left out")
    if num := sum(row.get("mixed") is not None for row in rows):
        marks.append(f"mixed: the code changed while {num} trials of {name} trained")
    return marks


def _without_number(name: str, rows: Sequence[FlatRow], metric: str) -> list[str]:
    """Completed trials that are not in the number, as they have none."""
    values = [row.get(metric) for row in rows if row["status"] in ENDED_WELL]
    odd = [value for value in values if value is not None and not is_finite(value)]
    marks = []
    if odd:
        told = " or ".join(sorted({"NaN" if v != v else "infinite" for v in odd}))
        what = f"completed with a {metric} that is {told}, and are left out"
        marks.append(f"no number: {len(odd)} of {len(rows)} trials of {name} {what}")
    if num := values.count(None):
        what = f"completed without {metric}, and are left out"
        marks.append(f"no value: {num} of {len(rows)} trials of {name} {what}")
    return marks
