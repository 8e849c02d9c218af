"""The columns of the tables, and the type of a column by its name or its values."""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import pyarrow as pa

TEXT = pa.string()
RATIO = pa.float32()
SECONDS = pa.float64()
TIME = pa.timestamp("us", tz="UTC")
_KEY = {"sweep": TEXT, "trial": TEXT, "attempt": pa.int32()}
_EXAMPLE = {
    **_KEY,
    "example": pa.int32(),
    "label": pa.int32(),
    "probabilities": pa.list_(pa.float16()),
    "predicted": pa.int32(),
    "probability": RATIO,
}

ENDED = ("completed", "cached", "stopped", "failed")
"""Statuses of trials that are over, well or not."""

LEFT = ("extended", "replaced")
"""Statuses of trials that went on as another one, which counts in their place: of one
that completed and got more epochs, and of one whose results do not stand alone."""

VERSION = "row"
"""Hidden column of `trials`: counts the versions of all rows, the newest wins."""

CORE: dict[str, dict[str, pa.DataType]] = {
    "epochs": {
        **_KEY,
        "epoch": pa.int32(),
        "time": TIME,
        "epoch_s": RATIO,
        "images_per_s": RATIO,
        "lr": RATIO,
        "train.loss": RATIO,
        "train.accuracy": RATIO,
        "val.loss": RATIO,
        "val.accuracy": RATIO,
    },
    "trials": {
        "sweep": TEXT,
        "trial": TEXT,
        "attempt": pa.int32(),
        "arm": TEXT,
        "seed": pa.int64(),
        "status": TEXT,
        "status_reason": TEXT,
        # Of a failed trial; a key of `raypg.causes.POLICIES`.
        "cause": TEXT,
        "source_sweep": TEXT,
        "num_epochs": pa.int32(),
        "val.accuracy": RATIO,
        "val.loss": RATIO,
        "best_epoch": pa.int32(),
        "best.val.accuracy": RATIO,
        "num_parameters": pa.int64(),
        # Multiply-adds of one image's forward pass, as papers count FLOPs.
        "num_flops": pa.int64(),
        "num_workers": pa.int32(),
        "num_threads": pa.int32(),
        # Of a trial that ran out of memory and went on with less at once than its
        # config says; null in all others.
        "micro_batch": pa.int32(),
        "train_s": SECONDS,
        "node": TEXT,
        "device": TEXT,
        # What the device is called by its maker.
        "processor": TEXT,
        "checkpoint": TEXT,
        # The option by which it was let go; `checkpoint` is then null.
        "checkpoint_gone": TEXT,
        "error": TEXT,
        # `error` without the files of raypg, Python and installed packages.
        "user_traceback": TEXT,
        "number": pa.int32(),
        "started": TIME,
        "finished": TIME,
        "fingerprint.config": TEXT,
        "fingerprint.data": TEXT,
        "fingerprint.code": TEXT,
        "fingerprint.device": TEXT,
        "fingerprint.torch": TEXT,
        "fingerprint.num_workers": pa.int32(),
        # The trial of this sweep whose checkpoint it went on from, as another one.
        "began_as": TEXT,
        # What another tool calls it, which has trained it; null in all of raypg's own.
        "imported": TEXT,
        # What had changed by then; of such a trial no fingerprint tells all.
        "mixed": TEXT,
        # The leaves of its config that changed as it was trained, as those of a
        # population do; `epochs` has them. What it began with is in `config`.
        "changing": TEXT,
        "git.commit": TEXT,
        "git.dirty": pa.bool_(),
        # The file in its sweep's folder that has the changes beside the commit; an
        # empty text where there were some and none was kept.
        "git.diff": TEXT,
        "versions.python": TEXT,
        "versions.torch": TEXT,
        "versions.ray": TEXT,
        "versions.cuda": TEXT,
        VERSION: pa.int64(),
    },
    "predictions": _EXAMPLE,
    "test_results": {
        **_KEY,
        "epoch": pa.int32(),
        "time": TIME,
        "test.loss": RATIO,
        "test.accuracy": RATIO,
    },
    "test_predictions": _EXAMPLE,
}
"""The columns that every store has, in order; sweeps add their own behind them."""

WRITE_ORDER = (*(name for name in CORE if name != "trials"), "trials")
"""A trial's row says that it is over: it is written when all else of it is."""

UNIQUE: dict[str, tuple[list[str], str]] = {
    "epochs": (["trial", "epoch"], "attempt"),
    "trials": (["trial"], VERSION),
    "predictions": (["trial", "example"], "attempt"),
    "test_results": (["trial"], "attempt"),
    "test_predictions": (["trial", "example"], "attempt"),
}
"""What a sweep has one row of, and the column whose highest value wins."""


def has_keys(table: str, names: Collection[str]) -> bool:
    """Whether a file of a table has the columns without which no row can be told."""
    keys, version = UNIQUE[table]
    return {"sweep", *keys, version} <= {*names}


def column_type(table: str, name: str, value: object) -> pa.DataType | None:
    """The type that a column has, by its name or by its first value; None if null.

    Config floats keep all their bits, so that `lr = 0.1` finds them; other floats
    are metrics and have single precision (7 digits), which halves the tables.
    """
    if name in CORE[table]:
        return CORE[table][name]
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64()
    if isinstance(value, float):
        return pa.float64() if name.startswith("config.") else RATIO
    if isinstance(value, datetime):
        return TIME
    if isinstance(value, list | tuple):
        items = [column_type(table, name, item) for item in value]
        known = [item for item in items if item is not None]
        if not known and name.startswith("config."):
            return pa.list_(pa.float64())  # the lists of a config are of floats
        return pa.list_(widest(known)) if known else None
    return None if value is None else TEXT


def widest(types: Sequence[pa.DataType]) -> pa.DataType:
    """The type that holds all of these: whole numbers widen to floats.

    Raises:
        TypeError: No type holds them.
    """
    first = types[0]
    if all(one == first for one in types):
        return first
    if all(pa.types.is_list(one) for one in types):
        return pa.list_(widest([one.value_type for one in types]))
    if all(pa.types.is_integer(one) for one in types):
        return pa.int64()
    if all(pa.types.is_integer(one) or pa.types.is_floating(one) for one in types):
        return pa.float64()
    raise TypeError(" and ".join(sorted({str(one) for one in types})))


def plain_value(value: object) -> object:
    """A value as Arrow takes it: numpy scalars unpacked, strange things as text."""
    if isinstance(value, bool | int | float | str | datetime | None):
        return value
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if hasattr(value, "tolist"):
        return plain_value(value.tolist())
    return value.isoformat() if isinstance(value, date) else str(value)
