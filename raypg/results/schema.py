"""How dotted names become nested structs, and back.

A row is flat in Python (`{"config.model.depth": 22}`). On disk its names are nested
structs, so that SQL reads `config.model.depth` without quotes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from raypg.errors import ResultsError
from raypg.results.columns import CORE, RATIO, TEXT


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


def nest_leaves(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as a tree of plain dicts, as other tools take them."""
    tree: dict[str, Any] = {}
    for name, value in leaves.items():
        *parents, leaf = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree


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


def config_leaves(row: Mapping[str, Any]) -> dict[str, Any]:
    """The config in a row of `trials` by dotted name, without what it does not have."""
    prefix = "config."
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and value is not None
    }


@cache
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
