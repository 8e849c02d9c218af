"""The tables of several sweeps as views of an in-memory DuckDB that is locked.

DuckDB scans Arrow objects that pyarrow has opened; it never opens a file itself.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import pyarrow as pa

from raypg.results import compute as pc
from raypg.results.columns import CORE, LEFT, TEXT, UNIQUE, VERSION
from raypg.results.explain import explain_error
from raypg.results.parts import Part, find_damage
from raypg.results.read import Snapshot, is_lost, read_each, read_newest, read_snapshot
from raypg.results.schema import core_schema, join, unify
from raypg.store import Store

UNIQUE_TRIALS = "unique_trials"
VIEWS = (*CORE, UNIQUE_TRIALS)
_UNIQUE_TRIALS_VIEW = f"""
    create or replace temp view {UNIQUE_TRIALS} as from trials
    qualify row_number() over (partition by trial order by
        status = 'completed' desc, status in {LEFT}, status = 'cached',
        finished desc nulls last) = 1"""


def run_query(store: Store, sweeps: Sequence[str], query: str) -> pa.Table:
    """The answer to one statement over the tables of some sweeps.

    Raises:
        ResultsError: It is wrong; says so in one line, with the nearest right name.
    """
    with open_views(store, sweeps, query) as (cursor, parts):
        return _answer(cursor, query, parts)


def query_trials(trials: pa.Table, query: str) -> pa.Table:
    """The answer to one statement over rows of `trials` that were read already.

    Args:
        trials: each trial of a sweep once, with the columns that the query asks for,
            and with `status` and `finished`.
        query: reads `trials` and `unique_trials` alone.

    Raises:
        ResultsError: It is wrong.
    """
    with _database().cursor() as cursor:
        _register_trials(cursor, trials)
        return _answer(cursor, query, ())


@contextmanager
def open_views(
    store: Store, sweeps: Sequence[str], query: str
) -> Iterator[tuple[Any, list[Part]]]:
    """A DuckDB cursor in which the tables that a query mentions are views.

    With it come the parts that it reads as it answers.

    Args:
        store: where the sweeps live.
        sweeps: whose rows to show.
        query: only the tables that it mentions are opened.
    """
    tables, parts = _mentioned(query), list[Part]()
    with _database().cursor() as cursor:
        if tables & {"trials", UNIQUE_TRIALS}:
            _register_trials(cursor, trials_of(store, sweeps))
        tables -= {"trials", UNIQUE_TRIALS}
        if tables:
            elsewhere = _trials_elsewhere(store, sweeps)
            cursor.register("trials_elsewhere", elsewhere)
            cached = elsewhere["source_sweep"].drop_null().to_pylist()
            sources = sorted({*sweeps, *cached})
            own = list(sweeps) if elsewhere.num_rows else None
            for table in tables:
                snapshots = _snapshots(store, sources, table)
                parts += [part for one in snapshots for part in one.parts]
                has_retried = _register(cursor, table, snapshots)
                cursor.execute(_view_of(table, own, has_retried=has_retried))
        yield cursor, parts


def trials_of(
    store: Store, sweeps: Sequence[str], columns: Sequence[str] | None = None
) -> pa.Table:
    """The newest row of every trial of some sweeps, joined by name.

    Args:
        store: where they live.
        sweeps: their names.
        columns: top-level ones to read, of those that there are; all when None.
    """
    core = core_schema("trials").empty_table().drop_columns([VERSION])
    if columns is not None:
        core = core.select([name for name in columns if name in core.column_names])
    found = read_each(sweeps, lambda s: read_newest(store, s, "trials", columns))
    return join([core, *found])


def _answer(cursor: Any, query: str, parts: Sequence[Part]) -> pa.Table:  # noqa: ANN401
    """What a statement says, or in one line what is wrong with it.

    Raises:
        ResultsError: it is wrong.
        DamageFound: a part is, that it reads.
    """
    import duckdb
    from duckdb import StatementType

    try:
        kinds = [one.type for one in cursor.extract_statements(query)]
        # PIVOT is a MULTI: it makes the type of its columns first.
        if kinds in ([StatementType.SELECT], [StatementType.MULTI]):
            return cursor.sql(query).to_arrow_table()
        many = f"{len(kinds)} statements"
        message = f"Invalid: {kinds[0].name if len(kinds) == 1 else many}"
    except duckdb.Error as cause:
        message = str(cause)
        if is_lost(cause):
            raise FileNotFoundError(message) from cause
        typos = duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException
        if not isinstance(cause, typos):
            find_damage(parts)
    known = {view: _columns(cursor, view) for view in _mentioned(query)}
    raise explain_error(message, VIEWS, known)


def _register_trials(cursor: Any, trials: pa.Table) -> None:  # noqa: ANN401
    cursor.register("trials", trials)
    cursor.execute(_UNIQUE_TRIALS_VIEW)


@cache
def _database() -> Any:  # noqa: ANN401 duckdb's connection
    """One database a process (opening one costs 15 ms); cursors share no views."""
    import duckdb

    database = duckdb.connect(":memory:")
    database.execute("set python_enable_replacements = false")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    return database


def _snapshots(store: Store, sweeps: Sequence[str], table: str) -> list[Snapshot]:
    return read_each(sweeps, lambda sweep: read_snapshot(store, sweep, table))


def _mentioned(query: str) -> set[str]:
    return {*VIEWS} & set(re.findall(r"\w+", query.lower()))


def _columns(cursor: Any, view: str) -> pa.Schema:  # noqa: ANN401
    return cursor.sql(f"from {view} limit 0").to_arrow_table().schema


def _trials_elsewhere(store: Store, sweeps: Sequence[str]) -> pa.Table:
    """Which trials of these sweeps have their rows in another sweep, or as another.

    Of a trial that went on as another one, `source_sweep` is null: the other one has
    its epochs, too.
    """
    columns = ["sweep", "trial", "status", "source_sweep"]
    found = read_each(sweeps, lambda s: read_newest(store, s, "trials", columns))
    empty = pa.table({name: pa.array([], pa.string()) for name in columns})
    rows = pa.concat_tables([empty, *found])
    is_cached = pc.equal(rows["status"], "cached")
    is_cached = pc.and_(is_cached, pc.is_valid(rows["source_sweep"]))
    is_left = pc.is_in(rows["status"], pa.array(LEFT))
    source = pc.if_else(is_cached, rows["source_sweep"], None)
    rows = rows.set_column(3, "source_sweep", source)
    return rows.filter(pc.or_(is_cached, is_left))


def _register(cursor: Any, table: str, snapshots: Sequence[Snapshot]) -> bool:  # noqa: ANN401
    """Hand over a table's files; whether some trials may have several attempts."""
    # Here and not above: it imports pandas, 0.13 s that no writer should pay.
    from pyarrow.dataset import FileSystemDataset, ParquetFileFormat, ParquetReadOptions

    names = ["sweep", "trial"]
    options = ParquetReadOptions(dictionary_columns=names)
    parquet = ParquetFileFormat(read_options=options)
    schema = _single(unify([core_schema(table), *(s.schema(table) for s in snapshots)]))
    for name in names:
        # As dictionaries these are read and grouped at twice the speed.
        index = schema.get_field_index(name)
        kind = pa.dictionary(pa.int32(), pa.string())
        schema = schema.set(index, pa.field(name, kind))
    parts = [part for one in snapshots for part in one.parts]
    fragments = [parquet.make_fragment(p.handle) for p in parts if p.groups is None]
    live = [rows for one in snapshots for rows in one.live.values()]
    # A scan would fetch what is damaged together with what is not.
    live += [p.read().replace_schema_metadata() for p in parts if p.groups is not None]
    rows = join([core_schema(table).empty_table(), *live])
    retried = {trial for one in snapshots for trial in one.retried()}
    cursor.register(f"{table}_parts", FileSystemDataset(fragments, schema, parquet))
    single = _single(rows.schema)
    rows = rows if single == rows.schema else rows.cast(single)
    cursor.register(f"{table}_live", rows)
    cursor.register(f"{table}_retried", pa.table({"trial": pa.array([*retried], TEXT)}))
    return bool(retried)


def _single(schema: pa.Schema) -> pa.Schema:
    """DuckDB has no half precision: pyarrow widens it while it scans."""
    half, single = pa.list_(pa.float16()), pa.list_(pa.float32())
    kinds = [single if field.type == half else field.type for field in schema]
    return pa.schema(zip(schema.names, kinds, strict=True))


def _view_of(table: str, own: Sequence[str] | None, *, has_retried: bool) -> str:
    """The view's SQL, with only those steps that the rows at hand need.

    Args:
        table: its name.
        own: the sweeps to show when some of their trials are elsewhere, else None.
        has_retried: whether to look for rows that a later attempt replaces. The window
            function sees only those trials: over 1 M rows it costs 250 ms.
    """
    keys, version = UNIQUE[table]
    rows = f"(from {table}_parts union all by name from {table}_live)"
    if has_retried:
        again = f"(select trial from {table}_retried)"
        rows = f"""(from {rows} where trial not in {again}
            union all by name
            from {rows} where trial in {again} qualify row_number() over (
                partition by sweep, {", ".join(keys)} order by {version} desc) = 1)"""
    if own is not None:
        names = ", ".join(f"'{sweep}'" for sweep in own)
        # What a cached trial left here before it was cached does not count any more.
        rows = f"""(from {rows} as found anti join trials_elsewhere as cached
            on found.trial = cached.trial and found.sweep = cached.sweep
            where found.sweep in ({names})
            union all by name
            select found.* replace (cached.sweep as sweep)
            from {rows} as found join trials_elsewhere as cached
            on found.trial = cached.trial and found.sweep = cached.source_sweep)"""
    return f"create or replace temp view {table} as from {rows}"
