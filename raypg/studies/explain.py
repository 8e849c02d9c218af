"""Which changes carry the gain of one config over another, by training the way."""

import pathlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from raypg.cluster.options import Options
from raypg.cluster.sweep import Finished, start_sweep
from raypg.config import flatten, load
from raypg.entries import config_of
from raypg.errors import ResultsError
from raypg.experiment import PathProposals
from raypg.results import Results
from raypg.results.arms import ENDED_WELL
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.paired import Paired, compare_pairs
from raypg.results.sides import find_side
from raypg.results.statistics import Mean, mean_interval
from raypg.solo.device import check_device
from raypg.space import METRICS, Path
from raypg.space.path import START
from raypg.store import ignore

DEFAULT = "default"
"""Names the config that nobody has changed, but for the sections `_KEPT`."""

_KEPT = ("data", "train")
"""Sections that `default` takes from the best: not the answer, but the question."""

Row = Mapping[str, Any]
Leaves = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One change on the way.

    Attributes:
        change: what it sets; `start` for none yet, `all` for the whole way.
        mean: of the metric over the seeds, once it is made; None where none completed.
        gain: over the place before, paired by seed; None for the start.
    """

    change: str
    mean: Mean | None
    gain: Paired | None


@dataclass(frozen=True)
class Explanation:
    """The way from one config to another.

    Attributes:
        sweep: that has its trials.
        metric: what the trials are judged by.
        mode: which end of it is the good one.
        steps: from the start on; the last one is all of it.
        finished: how the sweep ended.
    """

    sweep: str
    metric: str
    mode: str
    steps: list[Step]
    finished: Finished


def explain(
    results: Results,
    best: str,
    base: str,
    *,
    seeds: int,
    address: str = "",
    tell: Callable[[str], None] = ignore,
) -> Explanation:
    """Train the way from a config to a better one, one change at a time.

    What the store has already is not trained again.

    Args:
        results: of the store that has both.
        best: a trial, an arm, a condition or a sweep, whose best trial is meant.
        base: likewise, of a sweep its baseline; or `default`.
        seeds: of every place on the way.
        address: of a cluster; empty starts one on this machine.
        tell: told which trials these are.

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
        before = _defaults(after)
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
    finished = _train(path, f"explain_{to['trial'][:8]}", best, base, options)
    proposals = finished.ledger.proposals
    assert isinstance(proposals, PathProposals)
    steps = read_steps(proposals)
    return Explanation(finished.sweep, metric, path.mode, steps, finished)


def build_path(before: Leaves, after: Leaves, metric: str, seeds: int) -> Path:
    """What is to be changed between two configs, as a space.

    Another choice of a section's `name` takes all of the section along.

    Args:
        before: every leaf of the one.
        after: of the other.
        metric: what places are judged by.
        seeds: of every place.

    Raises:
        ResultsError: nothing differs.
    """
    skipped = ("seed", "train.metric", "data.root")  # the last one changes no number
    names = [name for name in {**before, **after} if name not in skipped]
    whole = {
        name.partition(".")[0]
        for name in names
        if name.endswith(".name") and before[name] != after[name]
    }
    groups: dict[str, list[str]] = {}
    base: Leaves = {"data.root": after.get("data.root", "")}
    for name in names:
        section = name.partition(".")[0]
        if section in whole:
            groups.setdefault(section, []).append(name)
        elif before.get(name) != after.get(name):
            groups[name] = [name]
        else:
            base[name] = before[name]
    if not groups:
        rule, fix = "must differ in their settings", "Name two that do."
        raise ResultsError("--vs", rule, "nothing that does but the seed", fix)
    changes = [(_some(before, group), _some(after, group)) for group in groups.values()]
    mode: Any = METRICS.get(metric, "max")
    return Path(base=base, changes=changes, seeds=seeds, metric=metric, mode=mode)


def read_steps(proposals: PathProposals) -> list[Step]:
    """The way as it went, each place against the one before, and the whole of it."""
    way = proposals.steps
    steps, before = [], dict[int, float | None]()
    num_done = 0
    for made, values in way:
        change = " ".join(made[num_done:]) or START
        steps.append(_step(change, values, before))
        before, num_done = values, len(made)
    if len(way) > 2:
        steps.append(_step("all", way[-1][1], way[0][1]))
    return steps


def _step(
    change: str, values: Mapping[int, float | None], before: Mapping[int, float | None]
) -> Step:
    known = [value for value in values.values() if value is not None]
    pairs = [(values[seed], before.get(seed)) for seed in values]
    gains = [new - old for new, old in pairs if new is not None and old is not None]
    return Step(
        change,
        mean_interval(known) if known else None,
        compare_pairs(gains) if gains else None,
    )


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
    if baseline is None:
        rule, fix = "must have a baseline", f"Write --vs {DEFAULT}, or name a trial."
        raise ResultsError(f"--vs {sweep}", rule, "a search", fix)
    return named[0] if named else None


def _defaults(after: Leaves) -> Leaves:
    """The defaults, with the data and the training's length of another config."""
    own = flatten(load([]))
    kept = {n: v for n, v in after.items() if n.partition(".")[0] in _KEPT}
    return {n: v for n, v in own.items() if n.partition(".")[0] not in _KEPT} | kept


def _some(leaves: Leaves, names: Sequence[str]) -> Leaves:
    return {name: leaves[name] for name in names if name in leaves}


def _train(path: Path, stem: str, best: str, base: str, options: Options) -> Finished:
    """Run the way as a sweep of its own, which is resumed as any other."""
    with tempfile.TemporaryDirectory(prefix="raypg-") as folder:
        file = pathlib.Path(folder, f"{stem}.py")
        question = f"Which changes carry the gain of {best} over {base}?"
        file.write_text(f"{question!r}\n\n{path.source()}")
        return start_sweep(str(file), [], options)
