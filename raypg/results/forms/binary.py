"""A table as a file that keeps its types: Parquet, or Arrow's own format."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypg.errors import ResultsError


def write_parquet(table: pa.Table, sink: pa.NativeFile) -> None:
    """Parquet with zstd, as the tables of a store have it."""
    pq.write_table(table, sink, compression="zstd")


def write_arrow(table: pa.Table, sink: pa.NativeFile) -> None:
    """Arrow's file format, known as Feather 2, too; it can be memory-mapped."""
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


BINARY: dict[str, Callable[[pa.Table, pa.NativeFile], None]] = {
    "parquet": write_parquet,
    "arrow": write_arrow,
}


def print_binary(table: pa.Table, form: str) -> None:
    """Write a table to standard output.

    Args:
        table: what to write.
        form: one of `BINARY`.

    Raises:
        ResultsError: Standard output is a terminal, or the form has no such type.
    """
    if sys.stdout.isatty():
        rule, fix = "must go to a file or a pipe", "Add --out FILE."
        raise ResultsError(f"--format {form}", rule, "a terminal", fix)
    sink = pa.BufferOutputStream()
    try:
        BINARY[form](table, sink)
    except pa.ArrowException as cause:
        rule, fix = "must be of types that it has", "Cast that column in the query."
        found = " ".join(str(cause).split())
        raise ResultsError(f"--format {form}", rule, found, fix) from cause
    sys.stdout.flush()
    sys.stdout.buffer.write(sink.getvalue())


def table_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Flat rows as an Arrow table; a column of several types is one of text."""
    arrays = [_array([row.get(name) for row in rows]) for name in columns]
    return pa.table(arrays, names=list(columns))


def _array(values: Sequence[object]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if v is None else str(v) for v in values], pa.string())
