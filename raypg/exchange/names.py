"""Which column of the tables a name of another tool stands for."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from raypg.errors import ResultsError, suggest_name
from raypg.exchange.old import Asked
from raypg.results.columns import CORE
from raypg.results.listing import DEFAULT_METRIC

SECTIONS = ("data", "model", "optimizer", "schedule", "train")
"""Of the config: what lies below them is its own, unless the tables measure it."""

ALIASES = {
    "trial_id": "trial",
    "val_accuracy": "val.accuracy",
    "val_acc": "val.accuracy",
    "val_loss": "val.loss",
    "train_accuracy": "train.accuracy",
    "train_acc": "train.accuracy",
    "train_loss": "train.loss",
    "test_accuracy": "test.accuracy",
    "test_acc": "test.accuracy",
    "test_loss": "test.loss",
}
"""What others call our columns, where it can mean nothing else."""

OURS = (
    "sweep",
    "attempt",
    "number",
    "cause",
    "source_sweep",
    "micro_batch",
    "checkpoint",
    "checkpoint_gone",
    "user_traceback",
    "began_as",
    "mixed",
    "changing",
    "imported",
    "row",
)
"""Columns of `trials` that say something of a trial in its store: of an import they
would not be true. Neither would a fingerprint."""

_KNOWN = {*CORE["trials"], *CORE["epochs"], *CORE["test_results"]}
_HEADS = {"config", *(name.split(".")[0] for name in _KNOWN)}

KEYS = ("sweep", "trial", "attempt", "epoch", "time")
"""Columns of `epochs` that no metric of a file may be called."""


def check_metric(column: str) -> None:
    """Refuse a metric that the tables cannot be judged by.

    Raises:
        ResultsError: it is none of validation.
    """
    if column and not column.startswith("val."):
        rule = "must be a column of validation"
        fix = f"Write --metric {DEFAULT_METRIC}={column}, or another val.NAME={column}."
        raise ResultsError("--metric", rule, f'"{column}"', fix)


def pick_metric(asked: Asked, names: Mapping[str, str], where: str) -> tuple[str, str]:
    """The column of the metric, and the file's name of it.

    Args:
        asked: by the person.
        names: of everything in the file that may be a metric, to the column that it
            would be.
        where: the file, for the error.

    Raises:
        ResultsError: the file has no such metric, or it is none of validation.
    """
    check_metric(asked.column)
    if not asked.metric:
        wanted = [DEFAULT_METRIC, "val.loss"]
    else:
        wanted = [asked.own_metric]
    for name in wanted:
        found = [own for own, column in names.items() if name in (own, column)]
        if found:
            return asked.column or name, found[0]
    rule = f"must have the metric {' or '.join(wanted)}"
    example = next(iter(names), "NAME")
    column = "val.loss" if "loss" in example else DEFAULT_METRIC
    fix = f"{suggest_name(wanted[0], names)} Write --metric {column}={example}."
    raise ResultsError(where, rule, ", ".join(names) or "no number at all", fix)


def assign_metric(names: dict[str, str], own: str, metric: str) -> dict[str, str]:
    """The columns that a file's numbers get once its metric is known.

    Args:
        names: of the file, to the column that each would be.
        own: the file's name of the metric.
        metric: its column.

    Returns:
        The names that get none, and why. They are taken out of `names`.
    """
    left_out: dict[str, str] = {}
    names[own] = metric
    seen = {metric: own}
    for name, column in list(names.items()):
        if column.startswith("test."):
            left_out[name] = "left out: of the test split, epoch by epoch"
        elif column in KEYS:
            left_out[name] = f"left out: {column} is a key of the tables"
        elif any(one.startswith(f"{column}.") for one in CORE["epochs"]):
            left_out[name] = f"left out: columns of raypg's lie below {column}"
        elif seen.setdefault(column, name) != name:
            left_out[name] = f"left out: {column} is {seen[column]}"
    for name in left_out:
        del names[name]
    return left_out


def plain_name(name: str) -> str:
    """A file's name under our spelling: dots for `/`, aliases, known names in small.

    SQL knows no case: a `Val` beside our `val` would be renamed by DuckDB.
    """
    plain = name.strip().replace("/", ".")
    small = ALIASES.get(plain.lower(), plain.lower())
    if small in _KNOWN:
        return small
    head, dot, rest = plain.partition(".")
    return f"{head.lower()}{dot}{rest}" if head.lower() in _HEADS else plain


def config_name(name: str) -> str:
    """A setting's own dotted name: without a `config.` that the file has already."""
    return plain_name(name).removeprefix("config.")


def is_ours(name: str) -> bool:
    """Whether a column says something of raypg's own store."""
    return name in OURS or name.startswith("fingerprint.")


def is_stated(name: str) -> bool:
    """Whether a column of `trials` may be taken from a file."""
    known = name in CORE["trials"] or name.startswith(("best.val.", "versions."))
    return known and not is_ours(name)


def finite(value: object) -> float | None:
    """A number of the tables: null where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def fits(column: str, value: object) -> bool:
    """Whether a value is of the type that a column of `trials` has."""
    kind = str(CORE["trials"].get(column, ""))
    if kind.startswith("int"):
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in ("float", "double"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind.startswith("timestamp"):
        return isinstance(value, datetime)
    return isinstance(value, bool if kind == "bool" else str) or not kind


def count_from_one(epochs: Iterable[Sequence[int]]) -> int:
    """What to add to a file's epochs: 1 where it counts them from 0.

    Args:
        epochs: of each trial.
    """
    return int(any(own and min(own) == 0 for own in epochs))
