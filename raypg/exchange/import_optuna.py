"""An Optuna study, from an SQLite file or a journal file."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raypg.errors import ResultsError, suggest_name
from raypg.exchange.names import (
    check_metric,
    config_name,
    count_from_one,
    finite,
    fits,
    is_stated,
    plain_name,
)
from raypg.exchange.old import STATUSES, Asked, OldSweep, OldTrial
from raypg.exchange.optuna_storage import open_storage, path_of

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


def import_optuna(asked: Asked) -> OldSweep:
    """Read a study.

    Params become settings, values the metric's column, intermediate values its epochs;
    of user attributes those are taken that the tables have a column for.

    Args:
        asked: the file, or its `sqlite:///` URL; the study where there are several.

    Raises:
        ResultsError: it is no study's file, or not clear which study is meant.
    """
    with open_storage(asked.path) as storage:
        study = _load_study(storage, asked)
        metric, mode = _metric_of(study, asked)
        trials = study.get_trials(deepcopy=False)
    begun = [trial for trial in trials if trial.state.name != "WAITING"]
    shift = count_from_one([*trial.intermediate_values] for trial in begun)
    notes = []
    if len(begun) < len(trials):
        notes.append(f"{len(trials) - len(begun)} trials that wait are left out")
    if shift:
        notes.append("steps are counted from 0: step 0 is epoch 1")
    return OldSweep(
        source=f'study "{study.study_name}" of {Path(path_of(asked.path)).name}',
        metric=metric,
        mode=mode,
        trials=[_old_trial(trial, metric, shift) for trial in begun],
        taken=_taken(begun, metric, mode),
        notes=notes,
    )


def _load_study(storage: "BaseStorage", asked: Asked) -> "optuna.Study":
    import optuna

    names = sorted(optuna.get_all_study_names(storage))
    where, rule = asked.path, "must hold the study that is meant"
    if not names:
        raise ResultsError(where, rule, "no study", "Name another file.")
    if asked.study and asked.study not in names:
        fix = suggest_name(asked.study, names)
        raise ResultsError("--study", rule, f'"{asked.study}"', fix)
    if not asked.study and len(names) > 1:
        fix = f"Name one with --study: {', '.join(names)}."
        raise ResultsError(where, rule, f"{len(names)} of them", fix)
    study = optuna.load_study(study_name=asked.study or names[0], storage=storage)
    if len(study.directions) > 1:
        rule, found = "must have one objective", f"{len(study.directions)}"
        raise ResultsError(where, rule, found, "Copy one into a study of its own.")
    return study


def _metric_of(study: "optuna.Study", asked: Asked) -> tuple[str, str]:
    """The column of the values, and the end of it that is the good one."""
    if "=" in asked.metric:
        rule, fix = "must be a column alone", f"Write --metric {asked.column}."
        raise ResultsError("--metric", rule, f'"{asked.metric}"', fix)
    mode = "max" if study.direction.name == "MAXIMIZE" else "min"
    if asked.mode and asked.mode != mode:
        rule = f"must be the study's own, {mode}"
        raise ResultsError("--mode", rule, asked.mode, "Leave it out.")
    named = [n for n in study.metric_names or () if n.startswith("val.")]
    default = "val.accuracy" if mode == "max" else "val.loss"
    metric = asked.column or next(iter(named), default)
    check_metric(metric)
    return metric, mode


def _old_trial(trial: "optuna.trial.FrozenTrial", metric: str, shift: int) -> OldTrial:
    epochs = [
        {"epoch": step + shift, metric: finite(value)}
        for step, value in sorted(trial.intermediate_values.items())
    ]
    value = trial.values[0] if trial.values else None
    started, finished = _moment(trial.datetime_start), _moment(trial.datetime_complete)
    columns = {
        **_attributes(trial.user_attrs),
        "started": started,
        "finished": finished,
    }
    if started and finished and "train_s" not in columns:
        columns["train_s"] = (finished - started).total_seconds()
    if finite(value) is not None:
        columns[metric] = finite(value)
    return OldTrial(
        name=str(trial.number),
        status=STATUSES[trial.state.name.lower()],
        config={config_name(name): value for name, value in trial.params.items()},
        epochs=epochs,
        columns={n: v for n, v in columns.items() if v is not None},
    )


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Of the user attributes those that the tables have a column for.

    The end of a trial, its best epoch and its times are told by the study itself.
    """
    return {
        plain_name(name): value
        for name, value in attributes.items()
        if _is_attribute(plain_name(name), value)
    }


def _is_attribute(column: str, value: object) -> bool:
    told = ("trial", "status", "num_epochs", "best_epoch", "started", "finished")
    is_told = column in told or column.startswith("best.")
    return is_stated(column) and not is_told and fits(column, value)


def _taken(
    trials: Sequence["optuna.trial.FrozenTrial"], metric: str, mode: str
) -> dict[str, str]:
    params = dict.fromkeys(name for trial in trials for name in trial.params)
    attributes = {name: v for trial in trials for name, v in trial.user_attrs.items()}
    taken = {f"param {name}": f"config.{config_name(name)}" for name in params}
    taken["value"] = f"{metric} (the metric, {mode})"
    if any(trial.intermediate_values for trial in trials):
        taken["intermediate values"] = f"{metric} of epochs"
    for name, value in attributes.items():
        column = plain_name(name)
        is_taken = _is_attribute(column, value)
        taken[f"attribute {name}"] = column if is_taken else "left out"
    return taken


def _moment(moment: datetime | None) -> datetime | None:
    """Optuna's times are of this machine's zone, which they do not say."""
    return None if moment is None else moment.astimezone(UTC)
