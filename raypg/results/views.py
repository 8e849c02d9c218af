"""The tables of several sweeps as views of an in-memory DuckDB that is locked.

DuckDB scans Arrow objects that pyarrow has opened; it never opens a file itself.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from raypg.errors import ResultsError
from raypg.results.read import Snapshot, read_newest, read_snapshot
from raypg.results.schema import CORE, UNIQUE, VERSION, core_schema, unify
from raypg.store import Store

UNIQUE_TRIALS = "unique_trials"
VIEWS = (*CORE, UNIQUE_TRIALS)
_PARQUET = ds.ParquetFileFormat()


@contextmanager
def open_views(store: Store, sweeps: Sequence[str], query: str) -> Iterator[Any]:
    """A DuckDB cursor in which the tables that a query mentions are views.

    Args:
        store: where the sweeps live.
        sweeps: whose rows to show.
        query: only what occurs in it as a word is opened.
    """
    words = set(re.findall(r"\w+", query.lower()))
    with _database().cursor() as cursor:
        cached = _cached_trials(store, sweeps)
        cursor.register("cached_trials", cached)
        sources = sorted({*sweeps, *cached["source_sweep"].to_pylist()})
        for table in (words & {*CORE}) - {"trials"}:
            snapshots = [read_snapshot(store, sweep, table) for sweep in sources]
            has_retried = _register(cursor, table, snapshots)
            has_cached = cached.num_rows > 0
            view = _view_of(
                table, sweeps, has_retried=has_retried, has_cached=has_cached
            )
            cursor.execute(view)
        if words & {"trials", UNIQUE_TRIALS}:
            cursor.register("trials", trials_of(store, sweeps))
            cursor.execute(_UNIQUE_TRIALS)
        yield cursor


def trials_of(store: Store, sweeps: Sequence[str]) -> pa.Table:
    """The newest row of every trial of some sweeps, joined by name."""
    found = [read_newest(store, sweep, "trials") for sweep in sweeps]
    empty = core_schema("trials").empty_table().drop_columns([VERSION])
    return pa.concat_tables([empty, *found], promote_options="permissive")


@cache
def _database() -> Any:  # noqa: ANN401 duckdb's connection
    """One database a process (opening one costs 15 ms); cursors share no views."""
    import duckdb

    database = duckdb.connect(
        ":memory:", config={"python_enable_replacements": "false"}
    )
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    return database


def _cached_trials(store: Store, sweeps: Sequence[str]) -> pa.Table:
    """Which trials of these sweeps have their rows in another sweep."""
    columns = ["sweep", "trial", "status", "source_sweep"]
    found = [read_newest(store, sweep, "trials", columns) for sweep in sweeps]
    empty = pa.table({name: pa.array([], pa.string()) for name in columns})
    rows = pa.concat_tables([empty, *found])
    return rows.filter(pc.equal(rows["status"], "cached"))


def _register(cursor: Any, table: str, snapshots: Sequence[Snapshot]) -> bool:  # noqa: ANN401
    """Hand over a table's files; whether some trials may have several attempts."""
    core = core_schema(table)
    schema = _readable(unify([core, *(one.schema(table) for one in snapshots)]))
    fragments = [
        _PARQUET.make_fragment(part.handle) for one in snapshots for part in one.parts
    ]
    parts = ds.FileSystemDataset(fragments, schema, _PARQUET)
    live = [core.empty_table(), *(rows for s in snapshots for rows in s.live.values())]
    rows = pa.concat_tables(live, promote_options="permissive")
    retried = {trial for one in snapshots for trial in one.retried()}
    cursor.register(f"{table}_parts", parts)
    cursor.register(f"{table}_live", rows.cast(_readable(rows.schema)))
    cursor.register(
        f"{table}_retried", pa.table({"trial": pa.array([*retried], pa.string())})
    )
    return bool(retried)


def _readable(schema: pa.Schema) -> pa.Schema:
    """DuckDB has no half precision: pyarrow widens it while it scans."""
    single = pa.list_(pa.float32())
    for index, field in enumerate(schema):
        if field.type == pa.list_(pa.float16()):
            schema = schema.set(index, pa.field(field.name, single))
    return schema


def _view_of(
    table: str, sweeps: Sequence[str], *, has_retried: bool, has_cached: bool
) -> str:
    """The view's SQL, with only those steps that the rows at hand need.

    The window function sees only trials with a second attempt: over 1 M rows it
    costs 250 ms.
    """
    keys, version = UNIQUE[table]
    rows = f"(from {table}_parts union all by name from {table}_live)"
    if has_retried:
        again = f"(select trial from {table}_retried)"
        rows = f"""(from {rows} where trial not in {again}
            union all by name
            from {rows} where trial in {again} qualify row_number() over (
                partition by sweep, {", ".join(keys)} order by {version} desc) = 1)"""
    if has_cached:
        names = ", ".join(f"'{sweep}'" for sweep in sweeps)
        rows = f"""(from {rows} where sweep in ({names})
            union all by name
            select found.* replace (cached.sweep as sweep)
            from {rows} as found join cached_trials as cached
            on found.trial = cached.trial and found.sweep = cached.source_sweep)"""
    return f"create or replace temp view {table} as from {rows}"


_UNIQUE_TRIALS = f"""
    create or replace temp view {UNIQUE_TRIALS} as from trials
    qualify row_number() over (partition by trial order by
        status = 'completed' desc, status = 'cached', finished desc nulls last) = 1
"""


def run_query(store: Store, sweeps: Sequence[str], query: str) -> pa.Table:
    """The answer to one statement over the tables of some sweeps.

    Raises:
        ResultsError: It is wrong, as one line, with the nearest right name.
    """
    import duckdb

    with open_views(store, sweeps, query) as cursor:
        try:
            return cursor.sql(query).to_arrow_table()
        except duckdb.Error as cause:
            raise ResultsError(
                "sql", "must be one statement", str(cause), ""
            ) from cause
