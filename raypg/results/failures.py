"""The failed trials of a sweep, by cause: how many, the first, and what it raised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from raypg.causes import POLICIES, row_cause
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.tracebacks import cut_traceback


@dataclass(frozen=True)
class FailureGroup:
    """The trials that failed for one cause."""

    cause: str
    trials: int
    """How many they are."""
    first_trial: str
    """The one that was handed out first."""
    arm: str
    reason: str
    """Why the first one failed, in a line."""
    traceback: str
    """Of the first one, cut to the user's own lines; empty where there is none."""
    fix: str
    """What a person can do before they are run again."""


def read_failures(results: Results, sweep: str) -> list[FailureGroup]:
    """The causes for which trials of a sweep failed, the most frequent first.

    Raises:
        ResultsError: There is no such sweep.
    """
    return group_failures(results.trials(sweep))


def group_failures(rows: Sequence[FlatRow]) -> list[FailureGroup]:
    """The same of rows that were read already, in the order of the trials."""
    groups: dict[str, FailureGroup] = {}
    for row in rows:
        if row["status"] == "failed":
            cause = row_cause(row)
            before = groups.get(cause) or _first(cause, row)
            groups[cause] = replace(before, trials=before.trials + 1)
    return sorted(groups.values(), key=lambda group: -group.trials)


def print_failures(groups: Sequence[FailureGroup], retry: str) -> None:
    """Print each cause with its first trial, and how to run its trials again.

    Args:
        groups: of one sweep.
        retry: the command to which a cause is added; empty where there is none.
    """
    for group in groups:
        count = "1 trial" if group.trials == 1 else f"{group.trials} trials"
        print(f"{group.cause}: {count} failed. {group.fix}")
        print(f"failed: {group.first_trial} ({group.arm}): {group.reason}")
        for line in group.traceback.splitlines():
            print(f"  {line}")
        if retry:
            print(f"run again with: {retry} {group.cause}")
        print()


def _first(cause: str, row: FlatRow) -> FailureGroup:
    error = row["error"] or ""
    known = POLICIES.get(cause)  # a later raypg may know more causes
    return FailureGroup(
        cause=cause,
        trials=0,
        first_trial=row["trial"],
        arm=row["arm"],
        reason=_reason(row),
        traceback=row.get("user_traceback") or cut_traceback(error),
        fix=known.fix if known else "",
    )


def _reason(row: FlatRow) -> str:
    """The reason, or the last line of the traceback, which names the exception."""
    lines = (row["error"] or "unknown").strip().splitlines()
    return " ".join(str(row["status_reason"] or lines[-1]).split())
