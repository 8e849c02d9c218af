"""An experiment of Ray Tune, from its folder, without Ray and without a pickle."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from raypg.errors import ResultsError
from raypg.exchange.export_tune import STATUS
from raypg.exchange.names import (
    assign_metric,
    config_name,
    finite,
    pick_metric,
    plain_name,
)
from raypg.exchange.old import STATUSES, Asked, OldSweep, OldTrial
from raypg.exchange.tune_files import (
    ERROR,
    PARAMS,
    flat_leaves,
    read_results,
    read_states,
    trial_folders,
)

MOST_SHOWN = 6

TIMES = {
    "training_iteration": "epoch",
    "timestamp": "time",
    "time_this_iter_s": "epoch_s",
    "time_total_s": "train_s",
    "hostname": "node",
}
"""Tune's own keys of a result that the tables have a column for."""

OWN = (
    *TIMES,
    "date",
    "done",
    "pid",
    "node_ip",
    "trial_id",
    "config",
    "experiment_id",
    "experiment_tag",
    "checkpoint_dir_name",
    "should_checkpoint",
    "time_since_restore",
    "timesteps_since_restore",
    "iterations_since_restore",
    "timesteps_total",
    "episodes_total",
    STATUS,
)
"""Keys that Tune, or our own export, adds to every result."""


def import_tune(asked: Asked) -> OldSweep:
    """Read an experiment.

    Args:
        asked: its folder, or the folder of one trial.

    Raises:
        ResultsError: it is no such folder, a line of it is no JSON, or it has no such
            metric; names every fault.
    """
    folders = trial_folders(Path(asked.path))
    results, torn = read_results(folders)
    names, texts = _metric_names(one for lines in results.values() for one in lines)
    metric, own_metric = pick_metric(asked, names, asked.path)
    left_out = assign_metric(names, own_metric, metric)
    mode = asked.mode_of(metric)
    states = read_states(Path(asked.path))
    by_epoch = {folder: _by_epoch(lines) for folder, lines in results.items()}
    longest = max(map(len, by_epoch.values()))
    trials = [
        _old_trial(folder, own, names, states.get(folder.name, ""), longest)
        for folder, own in by_epoch.items()
    ]
    taken = {name: f"{column} of epochs" for name, column in names.items()}
    taken[own_metric] = f"{metric} (the metric, {mode})"
    return OldSweep(
        source=f"the Tune folder {Path(asked.path).absolute().name}",
        metric=metric,
        mode=mode,
        trials=trials,
        taken={**_settings(trials), **taken, **left_out, **texts},
        notes=torn,
    )


def _metric_names(
    results: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, str], dict[str, str]]:
    """The numbers of results by name, to the column that each would be; and the rest.

    The rest are names that never hold a number, to why they are left out.
    """
    names: dict[str, str] = {}
    others: dict[str, str] = {}
    for result in results:
        for name, value in flat_leaves(result):
            if name.split(".")[0] in OWN:
                continue
            if finite(value) is None:
                others[name] = "left out: no number"
            else:
                names.setdefault(name, plain_name(name))
    return names, {name: why for name, why in others.items() if name not in names}


def _by_epoch(lines: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """The results by iteration, in order.

    A trial that was restored reports some again: the later ones count.
    """
    found = {
        int(line.get("training_iteration", number)): line
        for number, line in enumerate(lines, start=1)
    }
    return dict(sorted(found.items()))


def _old_trial(
    folder: Path,
    results: Mapping[int, Mapping[str, Any]],
    names: Mapping[str, str],
    state: str,
    longest: int,
) -> OldTrial:
    lines = list(results.values()) or [{}]
    first, last = lines[0], lines[-1]
    status, reason = _status(folder, last, state, len(results), longest)
    error = folder / ERROR
    columns = {
        "train_s": finite(last.get("time_total_s")),
        "node": last.get("hostname"),
        "arm": last.get("experiment_tag") if STATUS in last else None,
        "started": _started(first),
        "finished": _moment(last),
        "status_reason": reason or None,
        "error": error.read_text("utf-8") if error.exists() else None,
    }
    return OldTrial(
        name=str(last.get("trial_id", folder.name)),
        status=status,
        config=_config(folder, last),
        epochs=[_epoch_row(epoch, one, names) for epoch, one in results.items()],
        columns={n: v for n, v in columns.items() if v is not None},
    )


def _status(
    folder: Path, last: Mapping[str, Any], state: str, num_epochs: int, longest: int
) -> tuple[str, str]:
    """How a trial ended, and why before the others where that is known.

    Tune ends a trial for its scheduler, or for a stopping criterion, by a result that
    is `done`; one that ended by itself has none but where it is a class.
    """
    if last.get(STATUS) in STATUSES:
        return STATUSES[last[STATUS]], ""
    if state == "ERROR" or (folder / ERROR).exists():
        return "failed", ""
    if state and state != "TERMINATED":
        return "interrupted", f"Tune left it {state}"
    if last.get("done") and num_epochs < longest:
        told = f"Tune ended it after {num_epochs} of at most {longest} iterations"
        return "stopped", told
    if not state and not last.get("done") and num_epochs < longest:
        return "interrupted", "no snapshot of Tune's says how it ended"
    return "completed", ""


def _config(folder: Path, last: Mapping[str, Any]) -> dict[str, Any]:
    params = folder / PARAMS
    try:
        tree = json.loads(params.read_text("utf-8")) if params.exists() else {}
    except json.JSONDecodeError as cause:
        where, fix = f"{folder.name}/{PARAMS}", "Mend it, or remove it."
        raise ResultsError(where, "must be JSON", cause.msg, fix) from cause
    leaves = flat_leaves(tree or last.get("config") or {})
    return {config_name(name): _setting(value) for name, value in leaves}


def _setting(value: Any) -> Any:  # noqa: ANN401 a leaf of a config
    """A leaf as a column holds it: lists of anything but numbers are text."""
    if not isinstance(value, list):
        return value
    if value and all(finite(item) is not None for item in value):
        return [float(item) for item in value]
    return json.dumps(value)


def _epoch_row(
    epoch: int, result: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "epoch": epoch,
        "time": _moment(result),
        "epoch_s": finite(result.get("time_this_iter_s")),
    }
    for name, value in flat_leaves(result):
        if name in names:
            row[names[name]] = finite(value)
    return {name: value for name, value in row.items() if value is not None}


def _started(first: Mapping[str, Any]) -> datetime | None:
    """When a trial began: the length of its first iteration before the end of that."""
    end, took = _moment(first), finite(first.get("time_this_iter_s"))
    return None if end is None else end - timedelta(seconds=took or 0.0)


def _moment(result: Mapping[str, Any]) -> datetime | None:
    seconds = finite(result.get("timestamp"))
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _settings(trials: Sequence[OldTrial]) -> dict[str, str]:
    """One line for all of a config, which may have dozens of names."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.config))
    if not names:
        return {}
    more = f" and {len(names) - MOST_SHOWN} more" * (len(names) > MOST_SHOWN)
    told = ", ".join(f"config.{name}" for name in names[:MOST_SHOWN])
    return {f"{len(names)} names of {PARAMS}": told + more}
