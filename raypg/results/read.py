"""One table of one sweep as it is at one instant, while writers and compaction work.

A folder holds live segments (`*.arrows`) and parts (`part-*.parquet`). A part names the
files that it covers: whoever sees the part ignores those, so that a crash between the
write of a part and the deletion of its inputs doubles nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np
import pyarrow as pa

from raypg.errors import ResultsError
from raypg.results import compute as pc
from raypg.results.columns import UNIQUE, VERSION, has_keys
from raypg.results.parts import DamageFound, Part, blaming, open_part, say_once
from raypg.results.schema import core_schema, join, unify
from raypg.results.segments import Segment, read_segment
from raypg.store import Store

MAX_TRIES = 20
PATIENCE_S = 0.01
"""Waiting for files after which several sweeps are read side by side."""
Read = TypeVar("Read")


@dataclass(frozen=True)
class Snapshot:
    """The files that make up a table: no row is missing, none is in two of them."""

    live: dict[str, pa.Table]
    parts: list[Part]
    hidden: list[str]
    """Files that a part covers; they wait for their deletion."""
    torn: dict[str, int] = field(default_factory=dict)
    """Of live segments: bytes at their end that are no whole batch."""
    damaged: dict[str, int] = field(default_factory=dict)
    """Of live segments: bytes that are not as they were written."""
    faults: list[ResultsError] = field(default_factory=list)
    """What of the parts is not as it was written."""

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


def read_snapshot(
    store: Store, sweep: str, table: str, *, is_strict: bool = False
) -> Snapshot:
    """The table's files, opened; retried when compaction came between.

    A folder is not listed in one instant: only when the parts are the same before and
    after the files were opened is nothing missing. What is damaged is said in a line a
    file, and left out.

    Args:
        store: where the sweep lives.
        sweep: its name.
        table: one of the tables.
        is_strict: look through its parts, and refuse what is damaged.

    Raises:
        ResultsError: `is_strict`, and a part is damaged.
    """
    folder = f"{sweep}/tables/{table}"
    for _ in range(MAX_TRIES):
        names = store.files(folder)
        try:
            snapshot = _open_all(store, folder, names, is_careful=is_strict)
        except FileNotFoundError:
            continue
        if _parts(store.files(folder)) == _parts(names):
            if is_strict and snapshot.faults:
                raise snapshot.faults[0]
            _say(store, sweep, folder, names, snapshot)
            return snapshot
    raise FileNotFoundError(f"{store.path(folder)} changes faster than it can be read")


def say_torn(folder: str, torn: Mapping[str, int]) -> None:
    """Say once in a process, on standard error, what of segments cannot be read."""
    for name, num_bytes in torn.items():
        say_once(
            f"{folder}/{name}: its last {num_bytes} bytes are torn and left out; rows "
            "in them are lost unless --resume writes them again"
        )


def _say(
    store: Store, sweep: str, folder: str, names: Sequence[str], snapshot: Snapshot
) -> None:
    """Say once in a process what of a table is left out."""
    if snapshot.torn:
        growing = _may_grow(store, sweep, names)
        torn = {n: s for n, s in snapshot.torn.items() if n not in growing}
        say_torn(store.path(folder), torn)
    for name, num_bytes in snapshot.damaged.items():
        say_once(
            f"{store.path(folder, name)}: {num_bytes} of its bytes are damaged and "
            "left out; rows in them are lost unless it is restored, or --resume writes "
            "them again"
        )
    for fault in snapshot.faults:
        say_once(str(fault))


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

    def read() -> pa.Table:
        snapshot = read_snapshot(store, sweep, table)
        with blaming(snapshot.parts):
            return _newest_of(snapshot, table, columns)

    return retry_lost(read)


def read_each(
    sweeps: Sequence[str], read: Callable[[str], Read], *, num_threads: int = 8
) -> list[Read]:
    """Read several sweeps, side by side once they keep one waiting, as a bucket does.

    Where files lie in this machine's memory, threads that open thousands of them take
    the interpreter from each other and are three times as slow as one.
    """
    found: list[Read] = []
    waited = worked = 0.0
    while len(found) < len(sweeps) and waited <= max(worked, PATIENCE_S):
        start, start_cpu = time.perf_counter(), time.thread_time()
        found.append(read(sweeps[len(found)]))
        cpu = time.thread_time() - start_cpu
        worked += cpu
        waited += time.perf_counter() - start - cpu
    if len(found) == len(sweeps):
        return found
    with ThreadPoolExecutor(num_threads) as pool:
        return [*found, *pool.map(read, sweeps[len(found) :])]


def retry_lost(read: Callable[[], Read]) -> Read:
    """Read again when compaction has deleted a file in between (buckets only).

    Also without what is damaged, whenever more of that is found.
    """
    num_tries = 0
    while True:
        try:
            return read()
        except DamageFound:
            continue
        except OSError as cause:
            num_tries += 1
            if not is_lost(cause) or num_tries == MAX_TRIES:
                raise


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


def check_trials(store: Store, sweep: str) -> None:
    """Refuse to go on with a sweep of which trials are lost in a damaged part.

    They would be trained again, and a part that comes back would win over that.

    Raises:
        ResultsError: some are; says how many, and what to do.
    """
    retry_lost(lambda: read_snapshot(store, sweep, "trials", is_strict=True))


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
        found.append(part.read(own).replace_schema_metadata(None))
    rows = join([schema.empty_table(), *found])
    is_unique = not snapshot.live and len(snapshot.parts) < 2
    rows = rows if is_unique else newest(table, rows)
    asked = columns or [name for name in rows.column_names if name != VERSION]
    return rows.select([name for name in asked if name in rows.column_names])


def _select(table: pa.Table, schema: pa.Schema) -> pa.Table:
    return table.select([name for name in schema.names if name in table.column_names])


def _parts(names: Sequence[str]) -> set[str]:
    return {n for n in names if n.startswith("part-") and n.endswith(".parquet")}


def _open_all(
    store: Store, folder: str, names: Sequence[str], *, is_careful: bool
) -> Snapshot:
    parts, faults = list[Part](), dict[str, ResultsError]()
    table = PurePosixPath(folder).name
    for name in sorted(_parts(names)):
        part, fault = open_part(store, folder, name, is_careful=is_careful)
        parts += [part] if part is not None else []
        faults |= {name: fault} if fault is not None else {}
    covered = {name for part in parts for name in part.covers}
    live, torn, damaged = {}, {}, {}
    for name in names:
        if name.endswith(".arrows") and name not in covered:
            content = store.read(f"{folder}/{name}")
            segment = read_segment(content)
            if segment.rows is not None:
                if has_keys(table, segment.rows.column_names):
                    live[name] = segment.rows
                else:  # an old one, which no checksum vouches for
                    segment = Segment(None, len(content), 0)
            if segment.num_torn:
                torn[name] = segment.num_torn
            if segment.num_damaged:
                damaged[name] = segment.num_damaged
    return Snapshot(
        live=live,
        parts=[part for part in parts if part.name not in covered],
        hidden=sorted(covered & set(names)),
        torn=torn,
        damaged=damaged,
        faults=[fault for name, fault in faults.items() if name not in covered],
    )


def _may_grow(store: Store, sweep: str, names: Sequence[str]) -> set[str]:
    """Segments whose torn end may be a batch that is just being written.

    The last one of each writer, while there is a writer; a bucket shows none of them.
    """
    if not (store.is_local and store.is_being_written(sweep)):
        return set()
    last = {name.rpartition("-")[0]: name for name in sorted(names)}
    return set(last.values())
