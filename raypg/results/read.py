"""One table of one sweep as it is at one instant, while writers and compaction work.

A folder holds live segments (`*.arrows`) and parts (`part-*.parquet`). A part names the
files that it covers: whoever sees the part ignores those, so that a crash between the
write of a part and the deletion of its inputs doubles nothing.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raypg.errors import ResultsError
from raypg.results.columns import UNIQUE, VERSION
from raypg.results.schema import core_schema, join, unify
from raypg.results.segments import read_stream
from raypg.store import Store

METADATA = b"raypg"
MAX_TRIES = 20
_SAID: set[str] = set()
_MANY_ROWS = 50_000
"""Of a part, from which on its columns are read side by side: of less, the threads
cost a third of the time."""
Read = TypeVar("Read")


@dataclass(frozen=True)
class Part:
    """A Parquet file without duplicates in itself."""

    name: str
    handle: pa.NativeFile
    file: pq.ParquetFile
    schema: pa.Schema
    covers: frozenset[str]
    retried: frozenset[str]
    """Its trials with a second attempt or a later one."""


@dataclass(frozen=True)
class Snapshot:
    """The files that make up a table: no row is missing, none is in two of them."""

    live: dict[str, pa.Table]
    parts: list[Part]
    hidden: list[str]
    """Files that a part covers; they wait for their deletion."""
    torn: dict[str, int] = field(default_factory=dict)
    """Of live segments: bytes at their end that are no whole batch."""

    def schema(self, table: str) -> pa.Schema:
        """The merged schema, with the core columns first."""
        own = [one.schema for one in self.live.values()]
        own += [part.schema for part in self.parts]
        return unify([core_schema(table), *own])

    def retried(self) -> set[str]:
        """Trials that may have rows of more than one attempt."""
        if not self.live and len(self.parts) < 2:
            return set()
        found = {trial for part in self.parts for trial in part.retried}
        return found.union(*(retried_trials(one) for one in self.live.values()))


def read_snapshot(store: Store, sweep: str, table: str) -> Snapshot:
    """The table's files, opened; retried when compaction came between.

    A folder is not listed in one instant: only when the parts are the same before and
    after the files were opened is nothing missing.
    """
    folder = f"{sweep}/tables/{table}"
    for _ in range(MAX_TRIES):
        names = store.files(folder)
        try:
            snapshot = _open_all(store, folder, names)
        except FileNotFoundError:
            continue
        if _parts(store.files(folder)) == _parts(names):
            if snapshot.torn:
                growing = _may_grow(store, sweep, names)
                torn = {n: s for n, s in snapshot.torn.items() if n not in growing}
                say_torn(store.path(folder), torn)
            return snapshot
    raise FileNotFoundError(f"{store.path(folder)} changes faster than it can be read")


def say_torn(folder: str, torn: Mapping[str, int]) -> None:
    """Say once in a process, on standard error, what of segments cannot be read."""
    for name, num_bytes in torn.items():
        line = (
            f"{folder}/{name}: its last {num_bytes} bytes are torn and left out; rows "
            "in them are lost unless --resume writes them again"
        )
        if line not in _SAID:
            _SAID.add(line)
            with suppress(OSError, ValueError):  # standard error may be closed
                print(line, file=sys.stderr)


def read_newest(
    store: Store, sweep: str, table: str, columns: Sequence[str] | None = None
) -> pa.Table:
    """The table in memory, each row once, in its newest version.

    Args:
        store: where the sweep lives.
        sweep: its name.
        table: one of the tables.
        columns: top-level columns to read, where they exist; None for all but the
            hidden one.
    """
    return retry_lost(
        lambda: _newest_of(read_snapshot(store, sweep, table), table, columns)
    )


def read_each(
    sweeps: Sequence[str], read: Callable[[str], Read], *, num_threads: int = 8
) -> list[Read]:
    """Read several sweeps side by side: on a bucket each waits for the network."""
    if len(sweeps) < 2:
        return [read(sweep) for sweep in sweeps]
    with ThreadPoolExecutor(num_threads) as pool:
        return list(pool.map(read, sweeps))


def retry_lost(read: Callable[[], Read]) -> Read:
    """Read again when compaction has deleted a file in between (buckets only)."""
    for _ in range(MAX_TRIES):
        try:
            return read()
        except OSError as cause:
            if not is_lost(cause):
                raise
            lost = cause
    raise lost


def is_lost(cause: Exception) -> bool:
    """Whether a file that was open a moment ago is gone; libraries wrap the error."""
    signs = ("NO_SUCH_KEY", "NOT_FOUND", "FileNotFoundError")
    return isinstance(cause, FileNotFoundError) or any(s in str(cause) for s in signs)


def newest(table: str, rows: pa.Table) -> pa.Table:
    """The rows sorted by trial, without those that a newer version replaces."""
    keys, version = UNIQUE[table]
    order = pc.sort_indices(rows, [(name, "ascending") for name in [*keys, version]])
    rows = rows.take(order)
    if rows.num_rows < 2:
        return rows
    is_last = np.zeros(rows.num_rows, dtype=bool)
    is_last[-1] = True
    for name in keys:
        codes = pc.rank(rows[name], tiebreaker="dense").to_numpy()
        is_last[:-1] |= codes[1:] != codes[:-1]
    return rows if is_last.all() else rows.filter(pa.array(is_last))


def retried_trials(rows: pa.Table) -> set[str]:
    """Trials that have rows of a second attempt or a later one."""
    if "attempt" not in rows.column_names:
        return set()
    again = rows["trial"].filter(pc.greater(rows["attempt"], 0))
    return set(again.unique().to_pylist())


def newest_version(store: Store, sweep: str) -> int:
    """The highest version of any row of `trials`; 0 when there is none."""
    rows = read_newest(store, sweep, "trials", ["trial", VERSION])
    return pc.max(rows[VERSION]).as_py() or 0


def _newest_of(
    snapshot: Snapshot, table: str, columns: Sequence[str] | None
) -> pa.Table:
    schema = snapshot.schema(table)
    keys, version = UNIQUE[table]
    if columns is not None:
        wanted = {*columns, *keys, version}
        schema = pa.schema([field for field in schema if field.name in wanted])
    found = [_select(one, schema) for one in snapshot.live.values()]
    for part in snapshot.parts:
        own = [n for n in schema.names if n in part.schema.names]
        is_large = part.file.metadata.num_rows >= _MANY_ROWS
        rows = part.file.read(columns=own, use_threads=is_large)
        found.append(rows.replace_schema_metadata(None))
    rows = join([schema.empty_table(), *found])
    is_unique = not snapshot.live and len(snapshot.parts) < 2
    rows = rows if is_unique else newest(table, rows)
    asked = columns or [name for name in rows.column_names if name != VERSION]
    return rows.select([name for name in asked if name in rows.column_names])


def _select(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.select([name for name in schema.names if name in table.column_names])


def _parts(names: Sequence[str]) -> set[str]:
    return {n for n in names if n.startswith("part-") and n.endswith(".parquet")}


def _open_all(store: Store, folder: str, names: Sequence[str]) -> Snapshot:
    parts = [_open_part(store, folder, name) for name in sorted(_parts(names))]
    covered = {name for part in parts for name in part.covers}
    live, torn = {}, {}
    for name in names:
        if name.endswith(".arrows") and name not in covered:
            rows, num_torn = read_stream(store.read(f"{folder}/{name}"))
            if rows is not None:
                live[name] = rows
            if num_torn:
                torn[name] = num_torn
    seen = [part for part in parts if part.name not in covered]
    return Snapshot(live, seen, sorted(covered & set(names)), torn)


def _may_grow(store: Store, sweep: str, names: Sequence[str]) -> set[str]:
    """Segments whose torn end may be a batch that is just being written.

    The last one of each writer, while there is a writer; a bucket shows none of them.
    """
    if not (store.is_local and store.is_being_written(sweep)):
        return set()
    last = {name.rpartition("-")[0]: name for name in sorted(names)}
    return set(last.values())


def _open_part(store: Store, folder: str, name: str) -> Part:
    handle = store.open(f"{folder}/{name}")
    try:
        file = pq.ParquetFile(handle)
    except pa.ArrowInvalid as cause:
        where, fix = store.path(folder, name), "Restore it, or delete it and its rows."
        raise ResultsError(where, "must be whole", str(cause), fix) from cause
    about = json.loads(file.metadata.metadata[METADATA])
    schema = file.schema_arrow.remove_metadata()
    covers, retried = frozenset(about["covers"]), frozenset(about["retried"])
    return Part(name, handle, file, schema, covers, retried)
