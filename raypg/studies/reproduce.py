"""Whether a trial gives the same again, and what differs where it does not."""

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.config import fingerprint
from raypg.entries import config_of
from raypg.errors import ResultsError, TrialError
from raypg.memo import changed_parts
from raypg.patches import CHANGES, read_left_out
from raypg.processor import processor_name
from raypg.provenance import provenance
from raypg.results import Results
from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.columns import CORE
from raypg.results.examples import mcnemar_p
from raypg.results.schema import flat_rows
from raypg.results.statistics import CONFIDENCE, RESOLUTION, interval_reach
from raypg.results.wording import describe_code
from raypg.studies.rerun import Rerun, train_again

Row = Mapping[str, Any]

_NOT_LEARNT = {"sweep", "trial", "attempt", "epoch", "time", "epoch_s", "images_per_s"}
LEARNT = [name for name in CORE["epochs"] if name not in _NOT_LEARNT]
"""Of an epoch, what follows from the trial and not from the machine's speed."""

BITWISE, WITHIN_NOISE, DIFFERENT = "bitwise the same", "same within noise", "different"
_VERSIONS = ("versions.python", "versions.torch", "versions.cuda", "git.commit")


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
    rows = flat_rows(results.sql("from unique_trials"))
    found = [row for row in rows if row["trial"].startswith(prefix)]
    if len(found) != 1:
        if not rows:
            fix = "Train one first."
            raise ResultsError(results.store.uri, "must hold trials", "none", fix)
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
        changed = f"{row['mixed']} changed on its way: {_both_codes(results, row)}"
        raise ResultsError(trial, rule, changed, fix)
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
    checks: dict[str, bool] = {}
    first, after, noise = 1, math.nan, Noise(0.0, "")
    try:
        with train_again(row, tell) as again:
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
        place = _patch_of(results, row)
        kept = f"kept in {results.store.path(place)}" if place else "not kept"
        found.append(f"its code had changes beside its commit ({kept})")
    return found


def find_code(results: Results, row: Row) -> str:
    """What trained a trial, in a line: its commit, its patch, and what that lacks.

    Args:
        results: of the store that has it.
        row: of `trials`.
    """
    place = _patch_of(results, row)
    if not place:
        return describe_code({**row, "git.diff": None})
    patch = results.store.path(place)
    lacks = ", ".join(read_left_out(results.store.read(place)))
    without = f" (without {lacks})" if lacks else ""
    return describe_code({**row, "git.diff": patch}) + without


def _patch_of(results: Results, row: Row) -> str:
    """The patch that was kept beside a trial's commit; empty where there is none."""
    named = row.get("git.diff")
    if named is None and row.get("git.dirty"):
        named = CHANGES  # of a store from before there was a column
    place = f"{row.get('source_sweep') or row['sweep']}/{named}"
    return place if named and results.store.has_file(place) else ""


def _both_codes(results: Results, row: Row) -> str:
    """What began a trial that went on under changed code, and what ended it."""
    rows = results.trials(row["sweep"])
    began = next((one for one in rows if one["trial"] == row.get("began_as")), None)
    last = f"ended by {find_code(results, row)}"
    return f"begun by {find_code(results, began)}, {last}" if began else last


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
    before = _answers(results, row["trial"], row["sweep"])
    if not before.num_rows:
        return {}
    return {
        "validation predictions": before.equals(_answers(again.results, again.trial))
    }


def _answers(results: Results, trial: str, *sweeps: str) -> Any:  # noqa: ANN401 Arrow
    query = f"""select example, label, probabilities, predicted, probability,
        coalesce(predicted, list_position(probabilities, list_max(probabilities)) - 1)
        as answer from predictions where trial = '{trial}' order by example"""
    return results.sql(query, sweeps=sweeps)


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


@dataclass(frozen=True)
class Noise:
    """How far another training of the same may come out, with 95 % confidence.

    Attributes:
        reach: the largest difference that counts as noise.
        source: where that comes from; empty where nothing tells, and none counts.
    """

    reach: float
    source: str


def find_noise(results: Results, row: Row, metric: str, again: Rerun) -> Noise:
    """What counts as noise: the spread of the arm's seeds, or chance among images.

    Two trainings that differ in nothing but their noise are apart by √2 times the
    standard deviation of one. Where seeds show no spread, the images that one of the
    two trainings alone has right are tossed like coins (McNemar 1947).
    """
    values = [
        one[metric]
        for one in results.trials(row["sweep"])
        if one["arm"] == row["arm"]
        and (one["status"] in ENDED_WELL) == (row["status"] in ENDED_WELL)
        and is_finite(one.get(metric))
    ]
    reach = interval_reach(values) if values else None
    if reach is not None:
        spread = reach * math.sqrt(2 * len(values))
        return Noise(spread, f"the spread of {len(values)} seeds of its arm")
    if not metric.endswith("accuracy"):
        return Noise(0.0, "")
    tables = [
        _answers(results, row["trial"], row["sweep"]),
        _answers(again.results, again.trial),
    ]
    if not tables[0].num_rows or tables[0].num_rows != tables[1].num_rows:
        return Noise(0.0, "")
    a, b = (np.equal(t["answer"], t["label"]) for t in tables)
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    is_chance = mcnemar_p(only_a, only_b) >= 1 - CONFIDENCE
    told = f"{only_a} and {only_b} images that one of both alone has right (McNemar)"
    return Noise((only_a + only_b) / len(a) if is_chance else 0.0, told)
