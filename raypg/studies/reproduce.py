"""Whether a trial gives the same again, and what differs where it does not."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.errors import ResultsError, TrialError
from raypg.own_files import own_as_trained
from raypg.results import Results
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import CORE
from raypg.results.lookup import keys_of, read_found, read_keys
from raypg.results.statistics import RESOLUTION
from raypg.studies.changes import find_both_codes, find_changes, find_code
from raypg.studies.noise import Noise, find_noise, read_answers
from raypg.studies.rerun import Rerun, train_again

Row = Mapping[str, Any]

_NOT_LEARNT = {
    "sweep",
    "trial",
    "attempt",
    "epoch",
    "time",
    "epoch_s",
    "images_per_s",
    "compile_s",
}
LEARNT = [name for name in CORE["epochs"] if name not in _NOT_LEARNT]
"""Of an epoch, what follows from the trial and not from the machine's speed."""

BITWISE, WITHIN_NOISE, DIFFERENT = "bitwise the same", "same within noise", "different"


@dataclass(frozen=True)
class Reproduction:
    """A trial and its second training.

    Attributes:
        trial: its id.
        sweep: whose row it was trained from.
        arm: what it is in its sweep.
        verdict: `bitwise the same`, `same within noise` or `different`.
        metric: what it is judged by.
        before: the metric as it is in the table.
        after: the metric now.
        noise: the largest difference that another training may have by chance.
        noise_of: where that comes from; empty where nothing tells, and none counts.
        first_epoch: the first one with another number; 0 for none.
        same: what was compared and is the same to its last bit.
        other: what was compared and is not.
        code: what trained it: the commit, and where the changes beside it are kept.
        changes: what differs in code, data, versions or hardware.
    """

    trial: str
    sweep: str
    arm: str
    verdict: str
    metric: str
    before: float
    after: float
    noise: float
    noise_of: str
    first_epoch: int
    same: list[str]
    other: list[str]
    code: str
    changes: list[str]


def find_row(results: Results, prefix: str) -> Row:
    """The newest row, in the whole store, of a trial that ended well.

    Raises:
        ResultsError: no trial or several have such an id, or it has not ended well.
    """
    known = keys_of(read_keys(results.store, results.store.sweeps()))
    found = [key for key in known if key[1].startswith(prefix)]
    if len(found) != 1:
        if not known:
            fix = "Train one first."
            raise ResultsError(results.store.uri, "must hold trials", "none", fix)
        names = [trial for _, trial in found or known]
        near = difflib.get_close_matches(prefix, names, n=5, cutoff=0.0)
        rule, fix = "must start the id of one trial", f"Some: {', '.join(near)}."
        raise ResultsError(f'"{prefix}"', rule, f"{len(found)} that start so", fix)
    (row,) = read_found(results.store, found)
    trial = row["trial"]
    if row["status"] not in (*ENDED_WELL, "stopped"):
        rule = "must have ended well to be trained again"
        fix = f"See: python -m raypg.results show {row['sweep']}."
        raise ResultsError(trial, rule, str(row["status"]), fix)
    if row.get("changing"):
        rule, fix = "must have one config from its first epoch to its last", "None has."
        leaves = f"{row['changing']} changed as its population was trained"
        raise ResultsError(trial, rule, leaves, fix)
    if row.get("mixed"):
        rule, fix = "must have been trained by one version of the code", "None helps."
        changed = f"{row['mixed']} changed on its way: {find_both_codes(results, row)}"
        raise ResultsError(trial, rule, changed, fix)
    return row


def reproduce(
    results: Results,
    row: Row,
    metric: str,
    tell: Callable[[str], None],
    *,
    runs_kept: bool = False,
) -> Reproduction:
    """Train a trial again, and hold every number against the tables.

    Args:
        results: of the store that has it.
        row: of `trials`, as `find_row` gives it.
        metric: what it is judged by where the bits differ.
        tell: told how it goes on, line by line.
        runs_kept: whether files of the user's own may be run out of the store.

    Raises:
        RaypgError: it cannot be trained here.
    """
    kept = results.epochs(row["sweep"], row["trial"])
    if not kept:
        home = row.get("source_sweep") or row["sweep"]
        rule, fix = "must have its epochs in the tables", "There is nothing to hold."
        raise ResultsError(row["trial"], rule, f"none in {home}", fix)
    with own_as_trained(results.store, row, runs_kept=runs_kept):
        return _reproduce(results, row, kept, metric, tell)


def _reproduce(
    results: Results,
    row: Row,
    kept: Sequence[Row],
    metric: str,
    tell: Callable[[str], None],
) -> Reproduction:
    checks: dict[str, bool] = {}
    first, after, noise = 1, math.nan, Noise(0.0, "")
    try:
        with train_again(row, results.store, tell) as again:
            first = _first_difference(kept, again.epochs)
            checks = {"every epoch": first == 0}
            if row["status"] != "stopped":
                checks |= _predictions(results, again, row)
                checks |= _test(results, again, row)
            last = min(row["num_epochs"], len(again.epochs))
            if last:
                name = metric.removeprefix("best.")
                after = float(again.epochs[last - 1][name])
            if not all(checks.values()):
                noise = find_noise(results, row, metric, again)
    except TrialError as error:  # it trains no more, where once it did
        checks = {str(error): False}
    before = float(row[metric])
    verdict = DIFFERENT
    if all(checks.values()):
        verdict = BITWISE
    elif noise.source and abs(after - before) <= noise.reach + RESOLUTION:
        verdict = WITHIN_NOISE
    return Reproduction(
        trial=row["trial"],
        sweep=row["sweep"],
        arm=row["arm"],
        verdict=verdict,
        metric=metric,
        before=before,
        after=after,
        noise=noise.reach,
        noise_of=noise.source,
        first_epoch=first,
        same=[name for name, is_same in checks.items() if is_same],
        other=[name for name, is_same in checks.items() if not is_same],
        code=find_code(results, row),
        changes=find_changes(results, row),
    )


def _first_difference(kept: Sequence[Row], again: Sequence[Mapping[str, float]]) -> int:
    """The first epoch with another number in single precision; 0 for none."""
    for row, metrics in zip(kept, again, strict=False):
        for name in LEARNT:
            if row.get(name) is not None and name in metrics:
                if np.float32(row[name]) != np.float32(metrics[name]):
                    return int(row["epoch"])
    return 0 if len(kept) <= len(again) else len(again) + 1


def _predictions(results: Results, again: Rerun, row: Row) -> dict[str, bool]:
    """Whether every validation example is predicted alike, where that was kept."""
    before = read_answers(results, row["trial"], row["sweep"])
    if not before.num_rows:
        return {}
    after = read_answers(again.results, again.trial)
    return {"validation predictions": before.equals(after)}


def _test(results: Results, again: Rerun, row: Row) -> dict[str, bool]:
    query = f"from test_results where trial = '{row['trial']}'"
    found = results.sql(query, sweeps=[row["sweep"]]).to_pylist()
    if not found:
        return {}
    return {
        "test results": all(
            np.float32(found[0][name]) == np.float32(again.test.get(name, math.nan))
            for name in ("test.loss", "test.accuracy")
        )
    }
