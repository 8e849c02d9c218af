"""The store as a memo table: which trials it holds, and why it lacks others."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from raypg.errors import ResultsError
from raypg.results import compute as pc
from raypg.results.columns import LEFT, TEXT, column_type, plain_value, widest
from raypg.results.read import read_each, read_newest, read_snapshot
from raypg.results.schema import flat_rows, leaves
from raypg.store import Store

FlatRow = dict[str, Any]
_SAME_BUT_CODE = ("config", "data", "device", "torch", "num_workers")
_HITS = ("completed", LEFT[0])
_MARKS = ("micro_batch", "mixed", "imported", "changing")
"""Columns of `trials` that are null where the fingerprint tells all."""


@dataclass(frozen=True)
class Stale:
    """Trials that would be hits, had the code that trains not changed."""

    num_trials: int
    files: dict[str, int]
    """Changed file to the number of trials that it made stale."""


def read_completed(
    store: Store, trials: Collection[str] | None = None
) -> dict[str, FlatRow]:
    """Trial to the row of its newest completed run in the whole store.

    One that went on with more epochs is complete as it was. One that two versions of
    the code have trained is none, nor is one of another tool: no fingerprint stands
    for it.

    Args:
        store: where to look.
        trials: only these; all when None.
    """
    found: dict[str, FlatRow] = {}
    wanted = None if trials is None else pa.array([*trials], TEXT)
    for rows in read_each(store.sweeps(), lambda s: _hits(store, s, wanted)):
        for row in rows:
            before = found.get(row["trial"])
            if before is None or _finished(before) <= _finished(row):
                found[row["trial"]] = row
    return found


def read_referred(store: Store, sweep: str) -> set[str]:
    """Trials of a sweep whose results other sweeps of the store have as their own.

    Args:
        store: where to look.
        sweep: the one that trained them.
    """
    others = [name for name in store.sweeps() if name != sweep]

    def taken(other: str) -> list[str]:
        rows = read_newest(store, other, "trials", ["trial", "source_sweep"])
        is_taken = pc.equal(rows["source_sweep"], sweep)
        trials: list[str] = rows.filter(is_taken)["trial"].to_pylist()
        return trials

    return {trial for trials in read_each(others, taken) for trial in trials}


def find_stale(store: Store, wanted: Iterable[Mapping[str, Any]]) -> Stale:
    """Which changed files keep trials from being hits.

    A trial that several completed runs resemble counts against the newest of them.

    Args:
        store: where to look.
        wanted: rows with `fingerprint.*`, of trials that the memo lacks.
    """
    past: dict[tuple[Any, ...], FlatRow] = {}
    for rows in read_each(store.sweeps(), lambda sweep: _prints(store, sweep)):
        for row in rows:
            before = past.setdefault(_all_but_code(row), row)
            if _finished(before) <= _finished(row):
                past[_all_but_code(row)] = row
    num_trials, files = 0, dict[str, int]()
    for wish in wanted:
        if (hit := past.get(_all_but_code(wish))) is not None:
            num_trials += 1
            for file in changed_files(hit, wish):
                files[file] = files.get(file, 0) + 1
    return Stale(num_trials, files)


def check_types(store: Store, columns: Mapping[str, object]) -> None:
    """Refuse columns of `trials` whose type clashes with what the store holds.

    Args:
        store: the store of the sweep that is to start.
        columns: dotted names to values, as the sweep's rows will have them.

    Raises:
        ResultsError: A name has another type, or is a group of names; lists all.
    """
    known: dict[str, pa.DataType] = {}
    for sweep in store.sweeps():
        known |= leaves(read_snapshot(store, sweep, "trials").schema("trials"))
    clashes = [_clash(name, value, known) for name, value in columns.items()]
    faults = [fault for fault in clashes if fault]
    if faults:
        fix = "Use another name, another type, or another --store."
        raise ResultsError(store.uri, "a column has one type", "; ".join(faults), fix)


def _hits(store: Store, sweep: str, wanted: pa.Array | None) -> list[FlatRow]:
    """The completed trials of a sweep; most sweeps have none of those wanted."""
    if wanted is not None:
        keys = read_newest(store, sweep, "trials", ["trial"])
        if not pc.any(pc.is_in(keys["trial"], value_set=wanted)).as_py():
            return []
    rows = read_newest(store, sweep, "trials")
    is_hit = _is_own(rows)
    if wanted is not None:
        is_hit = pc.and_(is_hit, pc.is_in(rows["trial"], value_set=wanted))
    return flat_rows(rows.filter(is_hit))


def _prints(store: Store, sweep: str) -> list[FlatRow]:
    """The fingerprints of a sweep's completed trials."""
    columns = ["status", "finished", "fingerprint", *_MARKS]
    rows = read_newest(store, sweep, "trials", columns)
    return flat_rows(rows.filter(_is_own(rows)))


def _is_own(rows: pa.Table) -> pa.Array:
    """Which trials completed, and were trained as their fingerprint says.

    One that ran out of memory was not, nor one whose code changed on its way; one that
    another tool has trained has no fingerprint.
    """
    is_own = pc.is_in(rows["status"], pa.array(_HITS))
    for mark in set(_MARKS) & set(rows.column_names):
        is_own = pc.and_(is_own, pc.is_null(rows[mark]))
    return is_own


def _finished(row: FlatRow) -> float:
    return row["finished"].timestamp() if row["finished"] is not None else 0.0


def _all_but_code(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(f"fingerprint.{part}") for part in _SAME_BUT_CODE)


def changed_files(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Files that one trial's code has and the other's lacks or has otherwise; sorted.

    Args:
        before: a row with `fingerprint.code`.
        after: another one.
    """
    old = json.loads(before["fingerprint.code"] or "{}")
    new = json.loads(after["fingerprint.code"] or "{}")
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def _clash(name: str, value: object, known: Mapping[str, pa.DataType]) -> str | None:
    near = [n for n in known if n.startswith(f"{name}.") or name.startswith(f"{n}.")]
    if near:
        return f"{name} beside {near[0]}"
    try:
        kind = column_type("trials", name, plain_value(value))
        if kind is not None:
            widest([known.get(name, kind), kind])
    except TypeError as cause:
        return f"{name} as {cause}"
    return None
