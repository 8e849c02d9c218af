"""A sweep in Ray Tune's own layout: a folder a trial.

    params.json    the config, nested
    result.json    an epoch a line, with Tune's keys beside ours
    progress.csv   the same in columns, nested names joined by `/`
    error.txt      of a trial that failed

`ray.tune.Result.from_path` reads the folder of a trial, and pandas its files. What Tune
(Ray 2.60) keeps of a whole experiment (`experiment_state-*.json`, `tuner.pkl`), for
`ExperimentAnalysis`, `Tuner.restore` and `ResultGrid`, has the storage of each
trial as a pickle. There is none here: nobody should have to unpickle what is data.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from raypg.exchange.place import written_whole
from raypg.exchange.rows import (
    SweepRows,
    metrics_of,
    seconds_of,
    trial_folder,
)
from raypg.results.memo import FlatRow
from raypg.results.schema import config_leaves, nest_leaves

ENDED = ("completed", "cached", "stopped")
"""Statuses of trials whose last result is `done`."""

STATUS = "raypg_status"
"""Key of a result: the trial's status in the tables, which Tune cannot tell from its
own (an early stopped trial is TERMINATED, too)."""

_DATE = "%Y-%m-%d_%H-%M-%S"


def export_tune(rows: SweepRows, out: Path) -> str:
    """Write the folders of all trials.

    Args:
        rows: of the sweep.
        out: the experiment's folder.

    Returns:
        What reads them, as a line to print.

    Raises:
        ResultsError: `out` is not free.
    """
    with written_whole(out) as place:
        for row in rows.trials:
            folder = place / trial_folder(row)
            folder.mkdir(parents=True)
            _write_trial(rows, row, folder)
    return "Open with: ray.tune.Result.from_path(folder) for each of them, or pandas"


def _write_trial(rows: SweepRows, row: FlatRow, folder: Path) -> None:
    config = nest_leaves(config_leaves(row))
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / "params.json").write_text(text, "utf-8")
    results = list(_results(rows, row, config))
    lines = [json.dumps(result) + "\n" for result in results]
    (folder / "result.json").write_text("".join(lines), "utf-8")
    _write_progress(folder / "progress.csv", results)
    if row["status"] == "failed":
        told = row.get("error") or row.get("status_reason") or "unknown"
        (folder / "error.txt").write_text(told, "utf-8")


def _results(
    rows: SweepRows, row: FlatRow, config: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """An epoch each, under our names and Tune's."""
    epochs, total_s = rows.epochs_of(row), 0.0
    for index, epoch in enumerate(epochs):
        is_last = index == len(epochs) - 1
        total_s += epoch.get("epoch_s") or 0.0
        yield {
            **nest_leaves(metrics_of(epoch)),
            **_moment(epoch["time"]),
            "training_iteration": epoch["epoch"],
            "time_this_iter_s": epoch.get("epoch_s"),
            "time_total_s": total_s,
            "done": is_last and row["status"] in ENDED,
            STATUS: row["status"] if is_last else "running",
            "trial_id": row["trial"],
            "experiment_tag": row["arm"],
            "hostname": row.get("node"),
            "config": config,
        }


def _moment(moment: datetime | None) -> dict[str, Any]:
    seconds = seconds_of(moment)
    if moment is None or seconds is None:
        return {}
    return {
        "timestamp": int(seconds),
        "date": f"{moment.astimezone():{_DATE}}",
    }


def _write_progress(path: Path, results: list[dict[str, Any]]) -> None:
    lines = [_columns({k: v for k, v in r.items() if k != "config"}) for r in results]
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        if lines:
            writer.writeheader()
        writer.writerows(lines)


def _columns(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested result as Tune's CSV has it."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            found |= _columns(value, f"{prefix}{name}/")
        else:
            found[prefix + name] = value
    return found
