"""The columns of the tables, and how dotted names become nested structs.

A row is flat in Python (`{"config.model.depth": 22}`). On disk its names are nested
structs, so that SQL reads `config.model.depth` without quotes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from raypg.errors import ResultsError

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
        "source_sweep": TEXT,
        "num_epochs": pa.int32(),
        "val.accuracy": RATIO,
        "val.loss": RATIO,
        "best_epoch": pa.int32(),
        "best.val.accuracy": RATIO,
        "num_parameters": pa.int64(),
        "num_flops": pa.int64(),
        "num_workers": pa.int32(),
        "num_threads": pa.int32(),
        "train_s": SECONDS,
        "node": TEXT,
        "device": TEXT,
        "checkpoint": TEXT,
        "error": TEXT,
        "number": pa.int32(),
        "started": TIME,
        "finished": TIME,
        "fingerprint.config": TEXT,
        "fingerprint.data": TEXT,
        "fingerprint.code": TEXT,
        "fingerprint.device": TEXT,
        "fingerprint.torch": TEXT,
        "fingerprint.num_workers": pa.int32(),
        "git.commit": TEXT,
        "git.dirty": pa.bool_(),
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

UNIQUE: dict[str, tuple[list[str], str]] = {
    "epochs": (["trial", "epoch"], "attempt"),
    "trials": (["trial"], VERSION),
    "predictions": (["trial", "example"], "attempt"),
    "test_results": (["trial"], "attempt"),
    "test_predictions": (["trial", "example"], "attempt"),
}
"""What a sweep has one row of, and the column whose highest value wins."""


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
    if hasattr(value, "item"):
        return plain_value(value.item())
    return value.isoformat() if isinstance(value, date) else str(value)


Tree = dict[str, "Tree | pa.Array"]


def nest(columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """A batch whose dotted columns are structs, in the order of their first name.

    Raises:
        TypeError: One name is both a column and the start of another.
    """
    tree: dict[str, Any] = {}
    for name, array in columns.items():
        node = tree
        *parents, leaf = name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise TypeError(f"{name} lies below a column")
        if leaf in node:
            raise TypeError(f"{name} holds other columns")
        node[leaf] = array
    names = list(tree)
    return pa.RecordBatch.from_arrays([_struct(tree[n]) for n in names], names=names)


def flatten(table: pa.Table) -> pa.Table:
    """The table with dotted names in place of structs; a second `x` is `x_2`."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    seen: Counter[str] = Counter()
    names = []
    for name in table.column_names:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return table.rename_columns(names)


def flat_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as flat dicts, dotted names to values; a missing value is None.

    A metric of 0.9 is 0.9, not the 0.8999999761581421 of its single precision: the
    shortest number that stands for it, as numpy prints it.
    """
    flat = flatten(table)
    for index, field in enumerate(flat.schema):
        if field.type == RATIO:
            shortest = flat[field.name].cast(TEXT).cast(pa.float64())
            flat = flat.set_column(index, field.name, shortest)
    rows: list[dict[str, Any]] = flat.to_pylist()
    return rows


def core_schema(table: str) -> pa.Schema:
    """The nested schema that a table has at least."""
    empty = {name: pa.array([], kind) for name, kind in CORE[table].items()}
    return nest(empty).schema


def leaves(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Dotted name to type, of every column that is no struct."""
    flat = flatten(schema.empty_table()).schema
    return dict(zip(flat.names, flat.types, strict=True))


def unify(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """The schema that holds all of these; structs merge field by field."""
    try:
        return pa.unify_schemas(list(schemas), promote_options="permissive")
    except pa.ArrowTypeError as cause:
        raise _clash(cause) from cause


def join(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all tables under the schema that holds them all.

    Raises:
        ResultsError: A column is text in one and a number in another.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError as cause:
        raise _clash(cause) from cause


def _clash(cause: pa.ArrowTypeError) -> ResultsError:
    found = str(cause).removeprefix("Unable to merge: ")
    fix = "Ask each sweep alone, or keep one of them in another store."
    return ResultsError("tables", "a column has one type", found, fix)


def _struct(node: Any) -> pa.Array:  # noqa: ANN401 an array or a dict of nodes
    if not isinstance(node, dict):
        return node
    return pa.StructArray.from_arrays([_struct(n) for n in node.values()], list(node))
