"""Which changes carry the gain of one config over another, by training the way.

What it has shown is read from the tables of its sweep: see `raypg.results.way`.
"""

import pathlib
import tempfile
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

from raypg.cluster.options import Options
from raypg.cluster.sweep import Finished, start_sweep
from raypg.config import flatten
from raypg.entries import config_of
from raypg.errors import ResultsError
from raypg.results import Results
from raypg.results.arms import ENDED_WELL
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.sides import find_side
from raypg.solo.device import check_device
from raypg.space import Path
from raypg.store import ignore
from raypg.studies.between import DEFAULT, build_path, default_leaves

Row = Mapping[str, Any]


def explain(
    results: Results,
    best: str,
    base: str,
    *,
    seeds: int,
    address: str = "",
    tell: Callable[[str], None] = ignore,
) -> Finished:
    """Train the way from a config to a better one, one change at a time.

    What the store has already is not trained again.

    Args:
        results: of the store that has both.
        best: a trial, an arm, a condition or a sweep, whose best trial is meant.
        base: likewise, of a sweep its baseline; or `default`.
        seeds: of every place on the way.
        address: of a cluster; empty starts one on this machine.
        tell: told which trials these are.

    Returns:
        The path sweep that has the way's trials, and how it ended.

    Raises:
        RaypgError: there is nothing between the two, or they cannot be trained here.
    """
    to = _find(results, best, _best_of)
    about = results.sweep_description(to["sweep"])
    metric = about.get("metric", DEFAULT_METRIC)
    after = flatten(config_of(to))
    check_device(to["device"], f"{to['trial']}: cuda", "Go where there is one.")
    tell(f"to: {_told(to)}")
    if base == DEFAULT:
        before = default_leaves(after)
    else:
        start = _find(results, base, _baseline_of)
        before = flatten(config_of(start))
        tell(f"from: {_told(start)}")
    if before["data.name"] != after["data.name"]:
        rule, fix = "must be of one data set", "Their metrics are of other images."
        found = f"{before['data.name']} and {after['data.name']}"
        raise ResultsError(f"--vs {base}", rule, found, fix)
    path = build_path(before, after, metric, seeds)
    options = Options(
        store=results.store.uri,
        address=address,
        workers_per_trial=to["num_workers"],
        cpus_per_worker=to["num_threads"],
        gpus_per_worker=-1.0 if to["device"] == "cuda" else 0.0,
        command=("explain", best, "--vs", base),
    )
    return _train(path, f"explain_{to['trial'][:8]}", best, base, options)


def _told(row: Row) -> str:
    return f"{row['trial']} of {row['sweep']} ({row['arm']}, seed {row['seed']})"


def _find(
    results: Results, text: str, of_sweep: Callable[[Results, str], Row | None]
) -> Row:
    if text in results.store.sweeps():
        row = of_sweep(results, text)
    else:
        ended = [r for r in find_side(results, text).rows if r["status"] in ENDED_WELL]
        seeded = [one for one in ended if one["seed"] is not None]
        row = min(seeded, key=lambda one: one["seed"], default=None)
    if row is None:
        rule, fix = "must have a trial that completed", "Wait for one."
        raise ResultsError(f'"{text}"', rule, "none", fix)
    return row


def _best_of(results: Results, sweep: str) -> Row | None:
    """The best trial of the best arm: of seeds alone the best would be luck."""
    about = results.sweep_description(sweep)
    metric, mode = about.get("metric", DEFAULT_METRIC), about.get("mode", "max")
    arms: dict[str, list[Row]] = {}
    for row in results.trials(sweep):
        if row["status"] in ENDED_WELL and row.get(metric) is not None:
            arms.setdefault(row["arm"] or row["trial"], []).append(row)
    sign = 1 if mode == "max" else -1
    means = {arm: sign * fmean(r[metric] for r in rows) for arm, rows in arms.items()}
    if not means:
        return None
    return arms[max(means, key=means.__getitem__)][0]


def _baseline_of(results: Results, sweep: str) -> Row | None:
    baseline = results.sweep_description(sweep).get("baseline")
    rows = [row for row in results.trials(sweep) if row["status"] in ENDED_WELL]
    named = [row for row in rows if row["arm"] == baseline]
    if not baseline:
        rule, fix = "must have a baseline", f"Write --vs {DEFAULT}, or name a trial."
        found = "a search" if baseline is None else "named arms without one"
        raise ResultsError(f"--vs {sweep}", rule, found, fix)
    return named[0] if named else None


def _train(path: Path, stem: str, best: str, base: str, options: Options) -> Finished:
    """Run the way as a sweep of its own, which is resumed as any other."""
    with tempfile.TemporaryDirectory(prefix="raypg-") as folder:
        file = pathlib.Path(folder, f"{stem}.py")
        question = f"Which changes carry the gain of {best} over {base}?"
        file.write_text(f"{question!r}\n\n{path.source()}")
        return start_sweep(str(file), [], options)
