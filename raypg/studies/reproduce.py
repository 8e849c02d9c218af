"""Whether a trial gives the same again, and what differs where it does not."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.config import fingerprint
from raypg.entries import config_of
from raypg.errors import ResultsError
from raypg.memo import changed_parts
from raypg.processor import processor_name
from raypg.provenance import CHANGES, provenance
from raypg.results import Results
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import CORE
from raypg.results.schema import flat_rows
from raypg.results.statistics import CONFIDENCE
from raypg.studies.rerun import Rerun, train_again

Row = Mapping[str, Any]

_NOT_LEARNT = {"sweep", "trial", "attempt", "epoch", "time", "epoch_s", "images_per_s"}
LEARNT = [name for name in CORE["epochs"] if name not in _NOT_LEARNT]
"""Of an epoch, what follows from the trial and not from the machine's speed."""

BITWISE, WITHIN_NOISE, DIFFERENT = "bitwise the same", "same within noise", "different"
_VERSIONS = ("versions.python", "versions.torch", "versions.cuda", "git.commit")


@dataclass(frozen=True)
class Reproduction:
    """A trial and its second run.

    Attributes:
        trial: its id.
        sweep: whose row it was trained from.
        arm: what it is in its sweep.
        verdict: `bitwise the same`, `same within noise` or `different`.
        metric: what it is judged by.
        before: the metric as it is in the table.
        after: the metric now.
        noise: half the width of the interval in which another run may lie.
        noise_of: where that width comes from; empty where nothing tells.
        first_epoch: the first one with another number; 0 for none.
        same: what was compared and is the same to its last bit.
        other: what was compared and is not.
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
    changes: list[str]


def find_row(results: Results, prefix: str) -> Row:
    """The newest row, in the whole store, of a trial that ended well.

    Raises:
        ResultsError: no trial or several have such an id, or it has not ended well.
    """
    rows = flat_rows(results.sql("from unique_trials"))
    found = [row for row in rows if row["trial"].startswith(prefix)]
    if len(found) != 1:
        names = [row["trial"] for row in found or rows]
        near = difflib.get_close_matches(prefix, names, n=5, cutoff=0.0)
        rule, fix = "must start the id of one trial", f"Some: {', '.join(near)}."
        raise ResultsError(f'"{prefix}"', rule, f"{len(found)} that start so", fix)
    (row,) = found
    trial = row["trial"]
    if row["status"] not in (*ENDED_WELL, "stopped"):
        rule = "must have ended well to be trained again"
        fix = f"See: python -m raypg.results show {row['sweep']}."
        raise ResultsError(trial, rule, str(row["status"]), fix)
    if row.get("mixed"):
        rule, fix = "must have been trained by one version of the code", "None helps."
        raise ResultsError(trial, rule, f"{row['mixed']} changed on its way", fix)
    return row


def reproduce(
    results: Results, row: Row, metric: str, tell: Callable[[str], None]
) -> Reproduction:
    """Train a trial again, and hold every number against the tables.

    Args:
        results: of the store that has it.
        row: of `trials`, as `find_row` gives it.
        metric: what it is judged by where the bits differ.
        tell: told how it goes on, line by line.

    Raises:
        RaypgError: it cannot be trained here.
    """
    kept = results.epochs(row["sweep"], row["trial"])
    if not kept:
        home = row.get("source_sweep") or row["sweep"]
        rule, fix = "must have its epochs in the tables", "There is nothing to hold."
        raise ResultsError(row["trial"], rule, f"none in {home}", fix)
    with train_again(row, tell) as again:
        first = _first_difference(kept, again.epochs)
        checks = {"every epoch": first == 0}
        if row["status"] != "stopped":
            checks |= _predictions(results, again, row)
            checks |= _test(results, again, row)
        after = float(again.epochs[row["num_epochs"] - 1][metric.removeprefix("best.")])
    before = float(row[metric])
    noise, noise_of = _noise(results, row, metric)
    verdict = DIFFERENT
    if all(checks.values()):
        verdict = BITWISE
    elif abs(after - before) <= noise:
        verdict = WITHIN_NOISE
    return Reproduction(
        trial=row["trial"],
        sweep=row["sweep"],
        arm=row["arm"],
        verdict=verdict,
        metric=metric,
        before=before,
        after=after,
        noise=noise,
        noise_of=noise_of,
        first_epoch=first,
        same=[name for name, is_same in checks.items() if is_same],
        other=[name for name, is_same in checks.items() if not is_same],
        changes=find_changes(results, row),
    )


def find_changes(results: Results, row: Row) -> list[str]:
    """What differs between a trial's past and this machine, one line each.

    Args:
        results: of the store that has it.
        row: of `trials`.
    """
    config = config_of({**row, "micro_batch": None})  # as it was asked for
    workers = row["num_workers"]
    now = fingerprint(config, device=row["device"], num_workers=workers)
    found = changed_parts(row, now)
    here = {**provenance(), "processor": processor_name(row["device"])}
    for name in (*_VERSIONS, "processor"):
        if row.get(name) is not None and row[name] != here[name]:
            found.append(f"{name} {row[name]} → {here[name]}")
    if row.get("git.dirty"):
        home = row.get("source_sweep") or row["sweep"]
        place = f"{home}/{CHANGES}"
        has = results.store.has_file(place)
        kept = f"kept in {results.store.path(place)}" if has else "not kept"
        found.append(f"its code had changes beside its commit ({kept})")
    return found


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
    query = f"""select example, predicted, probability from predictions
        where trial = '{row["trial"]}' order by example"""
    before = results.sql(query, sweeps=[row["sweep"]])
    if not before.num_rows:
        return {}
    return {"validation predictions": before.equals(again.results.sql(query))}


def _test(results: Results, again: Rerun, row: Row) -> dict[str, bool]:
    query = f"from test_results where trial = '{row['trial']}'"
    found = results.sql(query, sweeps=[row["sweep"]]).to_pylist()
    if not found:
        return {}
    return {
        "test results": all(
            np.float32(found[0][name]) == np.float32(again.test[name])
            for name in ("test.loss", "test.accuracy")
        )
    }


def _noise(results: Results, row: Row, metric: str) -> tuple[float, str]:
    """How far another run of the same may lie from it, with 95 % confidence.

    From the spread over the seeds of its arm: two runs that differ in nothing but their
    noise are apart by √2 times the standard deviation of one. With one seed an accuracy
    has the noise of its finite validation split (binomial), which is less.
    """
    rows = results.trials(row["sweep"])
    values = [
        one[metric]
        for one in rows
        if one["arm"] == row["arm"]
        and one["status"] == row["status"]
        and one.get(metric) is not None
    ]
    if len(values) > 1 and max(values) > min(values):
        from scipy.special import stdtrit

        spread = float(np.std(values, ddof=1))
        reach = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
        return reach * math.sqrt(2) * spread, f"{len(values)} seeds of its arm"
    if not metric.endswith("accuracy"):
        return 0.0, ""
    query = f"select count(*) as num from predictions where trial = '{row['trial']}'"
    num = results.sql(query, sweeps=[row["sweep"]])["num"][0].as_py()
    if not num:
        return 0.0, ""
    share = row[metric]
    reach = 1.96 * math.sqrt(2 * share * (1 - share) / num)
    return reach, f"its {num:,} validation examples, as its arm has one seed"
