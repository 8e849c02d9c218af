"""A sweep as an Optuna study, in a file that optuna-dashboard opens.

The tables hold what was drawn, not from what: a param's distribution is the least one
that holds the values of all trials. The text of the space is saved with the sweep, but
to know its ranges one would have to run it.
"""

import math
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from raypg.exchange.place import written_whole
from raypg.exchange.rows import SweepRows
from raypg.results.front import own_objectives
from raypg.results.importances import distribution_of, param_of
from raypg.results.memo import FlatRow
from raypg.results.schema import config_leaves
from raypg.space.objectives import Objective

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

JOURNAL_ENDINGS = (".log", ".journal", ".jsonl")
"""Of Optuna's journal files; any other ending is an SQLite file."""


STATES = {
    "completed": "COMPLETE",
    "cached": "COMPLETE",
    "stopped": "PRUNED",
    "failed": "FAIL",
    "interrupted": "FAIL",
    "running": "RUNNING",
}
"""Statuses of the tables to Optuna's states."""

_DIRECTIONS: Mapping[str, Literal["maximize", "minimize"]] = {
    "max": "maximize",
    "min": "minimize",
}

ATTRIBUTES = ("trial", "arm", "seed", "status", "status_reason", "num_epochs") + (
    "best_epoch",
    "best.val.accuracy",
    "val.accuracy",
    "val.loss",
    "num_parameters",
    "num_flops",
    "train_s",
    "device",
)
"""Columns of `trials` that become user attributes, under their own names."""


def export_optuna(rows: SweepRows, out: Path) -> str:
    """Write the study, named as the sweep is.

    Args:
        rows: of the sweep.
        out: the file; a journal where it ends so, else SQLite.

    Returns:
        The command that shows it, as a line to print.

    Raises:
        ResultsError: `out` is not free.
    """
    is_journal = out.suffix in JOURNAL_ENDINGS
    params = {row["trial"]: _params_of(rows, row) for row in rows.trials}
    drawn = _distributions(rows, list(params.values()))
    with written_whole(out) as place, _open_study(rows, place, is_journal) as study:
        for row in rows.trials:
            study.add_trial(_build_trial(rows, row, params[row["trial"]], drawn))
    url = str(out) if is_journal else f"sqlite:///{out}"
    return f"Open with: optuna-dashboard {shlex.quote(url)}"


@contextmanager
def _open_study(
    rows: SweepRows, path: Path, is_journal: bool
) -> Iterator["optuna.Study"]:
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage: JournalStorage | RDBStorage
    if is_journal:
        storage = JournalStorage(JournalFileBackend(str(path)))
    else:
        storage = RDBStorage(f"sqlite:///{path}")
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=rows.sweep,
            directions=[_DIRECTIONS[one.mode] for one in _objectives(rows)],
        )
        with warnings.catch_warnings():
            # Optuna calls it experimental; the dashboard shows the name.
            warnings.simplefilter("ignore")
            study.set_metric_names([one.name for one in _objectives(rows)])
        yield study
    finally:
        if isinstance(storage, RDBStorage):
            storage.remove_session()
            storage.engine.dispose()


def _build_trial(
    rows: SweepRows,
    row: FlatRow,
    params: dict[str, Any],
    drawn: dict[str, "BaseDistribution"],
) -> "optuna.trial.FrozenTrial":
    from optuna.trial import TrialState, create_trial

    objectives, state = _objectives(rows), STATES.get(row["status"], "FAIL")
    cells = [row.get(one.name) for one in objectives]
    values = [one for one in cells if one is not None and math.isfinite(one)]
    if state == "COMPLETE" and len(values) < len(cells):
        state = "FAIL"  # Optuna has no completed trial without a value
    # Of a study with several metrics Optuna wants none.
    epochs = rows.epochs_of(row) if len(objectives) == 1 else ()
    seen = {epoch["epoch"]: epoch.get(rows.metric) for epoch in epochs}
    trial = create_trial(
        state=TrialState[state],
        values=values if state == "COMPLETE" else None,
        params=params,
        distributions={name: drawn[name] for name in params},
        intermediate_values={e: v for e, v in seen.items() if v is not None},
        user_attrs={n: row[n] for n in ATTRIBUTES if row.get(n) is not None},
    )
    trial.datetime_start = _local(row["started"]) or trial.datetime_start
    if state in ("COMPLETE", "PRUNED", "FAIL"):
        trial.datetime_complete = _local(row["finished"]) or trial.datetime_complete
    return trial


def _objectives(rows: SweepRows) -> Sequence[Objective]:
    return own_objectives(rows.about) or (Objective(rows.metric, rows.mode),)


def _params_of(rows: SweepRows, row: FlatRow) -> dict[str, Any]:
    """The values of the axes that the trial has."""
    config = config_leaves(row)
    axes = [axis for axis in rows.about.get("axes", ()) if axis in config]
    return {axis: param_of(config[axis]) for axis in axes}


def _distributions(
    rows: SweepRows, params: Sequence[dict[str, Any]]
) -> dict[str, "BaseDistribution"]:
    """The least distribution of each axis that holds the values that it had."""
    is_grid = rows.about.get("kind") == "ablation"
    values: dict[str, list[Any]] = {}
    for own in params:
        for axis, value in own.items():
            values.setdefault(axis, []).append(value)
    return {a: distribution_of(own, is_grid=is_grid) for a, own in values.items()}


def _local(moment: datetime | None) -> datetime | None:
    """A time as Optuna has it: of this machine's zone, which it does not say."""
    return None if moment is None else moment.astimezone().replace(tzinfo=None)
