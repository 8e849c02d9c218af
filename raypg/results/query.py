"""Questions to a store: SQL over its tables, and the look-ups that sweeps need."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raypg.errors import ResultsError, suggest_name
from raypg.results.read import read_newest, read_snapshot, retry_lost
from raypg.results.schema import column_type, flat_rows, leaves, plain_value, widest
from raypg.results.views import run_query
from raypg.store import Store

FlatRow = dict[str, Any]


@dataclass(frozen=True)
class Stale:
    """Trials that would be hits, had the code that trains not changed."""

    num_trials: int
    files: dict[str, int]
    """Changed file to the number of trials that it made stale."""


def open_results(uri: str | Store) -> "Results":
    """The tables of a store, by its path or URI.

    Every call reads afresh: a running sweep shows what it has written so far.
    """
    return Results(uri if isinstance(uri, Store) else Store(uri))


class Results:
    """The tables of a store. Rows come flat: dotted name to value, missing is None."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def sql(self, query: str, *, sweeps: Sequence[str] = ()) -> pa.Table:
        """The answer to one SQL statement over the tables.

        Args:
            query: reads `epochs`, `trials`, `unique_trials`, `predictions`,
                `test_results` or `test_predictions`.
            sweeps: only these; all of the store when empty.

        Raises:
            ResultsError: The statement is wrong, or a sweep is not there.
        """
        names = self._known(sweeps)
        return retry_lost(lambda: run_query(self.store, names, query))

    def sweep_description(self, sweep: str) -> FlatRow:
        """What the sweep is, as it was kept when it started.

        Raises:
            ResultsError: There is no such sweep; names the nearest.
        """
        return self.store.read_description(sweep)

    def trials(self, sweep: str, columns: Sequence[str] | None = None) -> list[FlatRow]:
        """The newest row of every trial of a sweep.

        Args:
            sweep: its name.
            columns: top-level columns to read; all when None.
        """
        self._known([sweep])
        return flat_rows(read_newest(self.store, sweep, "trials", columns))

    def epochs(self, sweep: str, trial: str | None = None) -> list[FlatRow]:
        """The epochs of a sweep or of one of its trials, cached trials' too."""
        where = f"where trial = '{_quoted(trial)}'" if trial is not None else ""
        query = f"from epochs {where} order by trial, epoch"
        return flat_rows(self.sql(query, sweeps=[sweep]))

    def known_epochs(self, sweep: str) -> dict[str, set[int]]:
        """The epochs that the tables hold, by trial; what a resume need not write."""
        self._known([sweep])
        rows = read_newest(self.store, sweep, "epochs", ["trial", "epoch"])
        known: dict[str, set[int]] = {}
        for trial, epoch in zip(*rows.to_pydict().values(), strict=True):
            known.setdefault(trial, set()).add(epoch)
        return known

    def completed(self, trials: Collection[str] | None = None) -> dict[str, FlatRow]:
        """The memo: trial to the row of its newest completed run in the whole store.

        Args:
            trials: only these; all when None.
        """
        found: dict[str, FlatRow] = {}
        for rows in self._all_trials():
            is_hit = pc.equal(rows["status"], "completed")
            if trials is not None:
                is_hit = pc.and_(is_hit, pc.is_in(rows["trial"], pa.array([*trials])))
            for row in flat_rows(rows.filter(is_hit)):
                before = found.get(row["trial"])
                if before is None or _age(before) <= _age(row):
                    found[row["trial"]] = row
        return found

    def stale(self, wanted: Iterable[Mapping[str, Any]]) -> Stale:
        """Which changed files keep trials from being hits.

        Args:
            wanted: `fingerprint.*` of trials that `completed` lacks, by dotted names.
        """
        past: dict[tuple[Any, ...], dict[str, str]] = {}
        for rows in self._all_trials(["trial", "status", "fingerprint"]):
            hits = rows.filter(pc.equal(rows["status"], "completed"))
            for hit in flat_rows(hits):
                past[_same_but_code(hit)] = json.loads(hit["fingerprint.code"] or "{}")
        num_trials, files = 0, dict[str, int]()
        for row in wanted:
            before = past.get(_same_but_code(row))
            if before is not None:
                num_trials += 1
                for file in _changed(before, json.loads(row["fingerprint.code"])):
                    files[file] = files.get(file, 0) + 1
        return Stale(num_trials, files)

    def best(self, sweep: str, metric: str, mode: str) -> FlatRow | None:
        """The trial with the best validation metric; None when none has a value.

        Args:
            sweep: its name.
            metric: a column of `trials`, as `val.accuracy` or `best.val.accuracy`.
            mode: `max` or `min`.

        Raises:
            ResultsError: No such metric, or one of the test split.
        """
        rows = self.trials(sweep)
        if rows and metric not in rows[0] or metric.startswith("test"):
            fix = suggest_name(metric, [n for n in rows[0] if "val." in n])
            raise ResultsError("metric", "must be one of validation", metric, fix)
        rated = [row for row in rows if row[metric] is not None]
        sign = 1 if mode == "max" else -1
        return max(rated, key=lambda row: sign * row[metric], default=None)

    def _all_trials(self, columns: Sequence[str] | None = None) -> list[pa.Table]:
        store = self.store
        return [read_newest(store, s, "trials", columns) for s in store.sweeps()]

    def _known(self, sweeps: Sequence[str]) -> list[str]:
        for sweep in sweeps:
            self.store.read_description(sweep)
        return list(sweeps) or self.store.sweeps()


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
        for name, kind in leaves(
            read_snapshot(store, sweep, "trials").schema("trials")
        ).items():
            known[name] = kind
    faults = [
        fault
        for name, value in columns.items()
        if (fault := _clash(name, value, known))
    ]
    if faults:
        fix = "Use another name, another type, or another --store."
        raise ResultsError(store.uri, "a column has one type", "; ".join(faults), fix)


def _clash(name: str, value: object, known: Mapping[str, pa.DataType]) -> str | None:
    kind = column_type("trials", name, plain_value(value))
    if kind is None:
        return None
    groups = [other for other in known if other.startswith(f"{name}.")]
    above = [other for other in known if name.startswith(f"{other}.")]
    if groups or above:
        return f"{name} beside {(groups + above)[0]}"
    try:
        widest([kind, known.get(name, kind)])
    except TypeError as cause:
        return f"{name} as {cause}"
    return None


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _age(row: FlatRow) -> float:
    finished = row.get("finished")
    return finished.timestamp() if finished is not None else 0.0


def _same_but_code(row: Mapping[str, Any]) -> tuple[Any, ...]:
    parts = ("config", "data", "device", "torch", "num_workers")
    return tuple(row.get(f"fingerprint.{part}") for part in parts)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    names = sorted({*before, *after})
    return [name for name in names if before.get(name) != after.get(name)]
