"""The rows that an import becomes, and what about them the tables would not take."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from raypg.errors import ResultsError
from raypg.exchange.names import finite
from raypg.exchange.old import OldSweep, OldTrial, Row
from raypg.results.columns import CORE
from raypg.results.numerals import is_ratio
from raypg.results.statistics import RESOLUTION
from raypg.space import label_values

_MOST_SHOWN = 5


def trial_rows(old: OldSweep) -> list[dict[str, Any]]:
    """The rows of `trials`, in order, each column with one type."""
    configs = settle([trial.config for trial in old.trials])
    varying = varying_names(configs)
    return [
        _trial_row(old, trial, config, varying, number)
        for number, (trial, config) in enumerate(zip(old.trials, configs, strict=True))
    ]


def epoch_rows(trial: str, old: OldTrial) -> Iterator[dict[str, Any]]:
    """The rows of `epochs` of a trial.

    Args:
        trial: its id.
        old: as the file has it.
    """
    for epoch in old.epochs:
        yield {"trial": trial, "attempt": 0, **epoch}


def test_row(trial: str, row: Row, old: OldTrial) -> dict[str, Any]:
    """The row of `test_results` of a trial; of which epoch, no file says.

    Args:
        trial: its id.
        row: of `trials`.
        old: as the file has it.
    """
    return {"trial": trial, "attempt": 0, "time": row.get("finished"), **old.test}


def varying_names(configs: Sequence[Row]) -> list[str]:
    """The settings in which trials differ, but for the seed."""
    names = list(dict.fromkeys(name for config in configs for name in config))
    return [
        name
        for name in names
        if name != "seed" and len({repr(one.get(name)) for one in configs}) > 1
    ]


def settle(configs: Sequence[Row]) -> list[dict[str, Any]]:
    """The configs with one type a name: whole numbers beside others, all else as text.

    Optuna's choices and Tune's may mix numbers, flags and text.
    """
    columns: dict[str, set[type]] = {}
    for config in configs:
        for name, value in config.items():
            if value is not None:
                columns.setdefault(name, set()).add(type(value))
    return [
        {
            name: _settled(value, columns[name])
            for name, value in config.items()
            if value is not None
        }
        for config in configs
    ]


def faults_of(old: OldSweep, rows: Sequence[Row]) -> Iterator[ResultsError]:
    """What is wrong with an import, whatever file it is from.

    Args:
        old: as the file has it.
        rows: of `trials`, as `trial_rows` makes them.
    """
    of_trials = {name for row in rows for name in row}
    of_epochs = {name for t in old.trials for epoch in t.epochs for name in epoch}
    yield from _name_faults("trials", of_trials)
    yield from _name_faults("epochs", of_epochs)
    for name in sorted(of_trials | of_epochs):
        if is_ratio(name) and not name.startswith("config."):
            yield from _ratio_faults(old, rows, name)


def _trial_row(
    old: OldSweep, trial: OldTrial, config: Row, varying: Sequence[str], number: int
) -> dict[str, Any]:
    last = trial.epochs[-1] if trial.epochs else {}
    label = label_values({n: config[n] for n in varying if n in config})
    row = {
        "trial": _trial_id(trial),
        "imported": trial.name,
        "number": number,
        "attempt": 0,
        "arm": label or "imported",
        "seed": config.get("seed") if isinstance(config.get("seed"), int) else None,
        "status": trial.status,
        **{f"config.{name}": value for name, value in config.items()},
        "num_epochs": last.get("epoch"),
        **{name: value for name, value in last.items() if name.startswith("val.")},
        **_best_columns(old, trial),
        **trial.columns,
    }
    return {name: value for name, value in row.items() if value is not None}


def _trial_id(trial: OldTrial) -> str:
    """16 hex digits: the same trial imported twice is the same trial.

    What is hashed is nothing that a fingerprint is made of.
    """
    parts = (trial.name, trial.status, trial.config, trial.epochs, trial.columns)
    text = json.dumps(["import", *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _best_columns(old: OldSweep, trial: OldTrial) -> dict[str, Any]:
    """The epoch with the best metric, the earliest on ties; may be none."""
    sign = 1 if old.mode == "max" else -1
    rated = [epoch for epoch in trial.epochs if epoch.get(old.metric) is not None]
    if not rated:
        return {}
    best = max(rated, key=lambda epoch: (sign * epoch[old.metric], -epoch["epoch"]))
    values = {f"best.{n}": v for n, v in best.items() if n.startswith("val.")}
    return {"best_epoch": best["epoch"], **values}


def _settled(value: Any, kinds: set[type]) -> Any:  # noqa: ANN401 a cell
    if kinds <= {int, float}:
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return float(value) if float in kinds else value
    if len(kinds) == 1 and kinds <= {bool, str, list}:
        return value
    return value if isinstance(value, str) else json.dumps(value)


def _name_faults(table: str, names: set[str]) -> Iterator[ResultsError]:
    """Names that cannot stand in one table: below each other, or with empty parts."""
    for name in sorted(names):
        if not all(name.split(".")):
            rule, fix = "must have no empty part", "Rename it in the file."
            yield ResultsError(f'"{name}"', rule, "dots beside each other", fix)
    known = {*names, *CORE[table]}
    for name in sorted(names):
        parts = name.split(".")
        above = [".".join(parts[:count]) for count in range(1, len(parts))]
        for one in above:
            if one in known:
                rule, fix = "must not lie below a column", "Rename one in the file."
                yield ResultsError(f'"{name}"', rule, f'"{one}"', fix)
    for name in sorted(names - {*CORE[table]}):
        if any(one.startswith(f"{name}.") for one in CORE[table]):
            rule, fix = "must not be what other columns lie below", "Rename it."
            yield ResultsError(f'"{name}"', rule, "columns of raypg's own", fix)


def _ratio_faults(
    old: OldSweep, rows: Sequence[Row], name: str
) -> Iterator[ResultsError]:
    """Accuracies that are no ratio: most are percent."""
    found = []
    for trial, row in zip(old.trials, rows, strict=True):
        values = [finite(row.get(name)), *(finite(e.get(name)) for e in trial.epochs)]
        wrong = [v for v in values if v is not None and not 0 <= v <= 1 + RESOLUTION]
        found += [f"{wrong[0]:g} in trial {trial.name}"] if wrong else []
    if found:
        rule = "must be a ratio in [0, 1], as accuracies of the tables are"
        more = f" and {len(found) - _MOST_SHOWN} more" * (len(found) > _MOST_SHOWN)
        fix = "Divide percent by 100; a metric of another kind is --metric val.NAME."
        told = ", ".join(found[:_MOST_SHOWN]) + more
        yield ResultsError(f'"{name}"', rule, told, fix)


def known_values(rows: Sequence[Row]) -> Mapping[str, Any]:
    """A value of each column, for `check_types`."""
    found: dict[str, Any] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name, value)
    return found
