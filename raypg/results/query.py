"""Questions to a store: SQL over its tables, and the look-ups that sweeps need."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from raypg.errors import ResultsError, suggest_name
from raypg.results import compute as pc
from raypg.results.arms import ENDED_WELL, is_finite
from raypg.results.listing import SweepLine, read_lines
from raypg.results.memo import (
    FlatRow,
    Stale,
    find_stale,
    read_completed,
    read_referred,
)
from raypg.results.read import read_newest, retry_lost
from raypg.results.schema import flat_rows, flatten
from raypg.store import Store


def open_store(uri: str | Store) -> "Results":
    """The tables of a store, by its path or URI.

    Every call reads afresh: a running sweep shows what it has written so far.
    """
    return Results(uri if isinstance(uri, Store) else Store(uri))


open_results = open_store
"""The same, under a name that says what is opened of the store."""


class Results:
    """The tables of a store. Rows come flat: dotted name to value, missing is None."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def sweeps(self) -> list[SweepLine]:
        """Every sweep with its counts and its best trial, the oldest first.

        Raises:
            ResultsError: There is no store.
        """
        self.check_exists()
        return read_lines(self.store)

    def sql(self, query: str, *, sweeps: Sequence[str] = ()) -> pa.Table:
        """The answer to one SQL statement over the tables, under flat dotted names.

        A cached trial has its own row in `trials` and shows its source's epochs and
        predictions. `unique_trials` has each trial once, however many sweeps hold it.

        Args:
            query: reads `epochs`, `trials`, `unique_trials`, `predictions`,
                `test_results` or `test_predictions`.
            sweeps: only these; all of the store when empty.

        Raises:
            ResultsError: The statement is wrong, or a sweep or the store is not there.
        """
        # Here and not above: duckdb and pyarrow's data sets, which no writer needs.
        from raypg.results.views import run_query

        for sweep in sweeps:
            self.sweep_description(sweep)
        names = list(sweeps) or self.store.sweeps()
        if not names:
            self.check_exists()
        return flatten(retry_lost(lambda: run_query(self.store, names, query)))

    def check_exists(self) -> None:
        """Refuse a store that is not there: a wrong path would answer with no rows.

        Raises:
            ResultsError: Nothing is in its place.
        """
        if not self.store.exists():
            fix = "Run a sweep first, or name another store."
            where = f"--store {self.store.uri}"
            raise ResultsError(where, "must exist", "nothing there", fix)

    def sweep_description(self, sweep: str) -> dict[str, Any]:
        """What the sweep is, as it was kept when it started.

        Raises:
            ResultsError: There is no such sweep; names the nearest.
        """
        return self.store.read_description(sweep)

    def trials(self, sweep: str, columns: Sequence[str] | None = None) -> list[FlatRow]:
        """The newest row of every trial of a sweep, in the order they were proposed.

        Args:
            sweep: its name.
            columns: top-level columns to read; all when None.
        """
        return flat_rows(self.trials_table(sweep, columns))

    def trials_table(
        self, sweep: str, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """The same rows as an Arrow table, under flat dotted names."""
        self.sweep_description(sweep)
        rows = flatten(read_newest(self.store, sweep, "trials", columns))
        if "number" not in rows.column_names:
            return rows
        return rows.take(pc.sort_indices(pc.fill_null(rows["number"], 0)))

    def epochs(self, sweep: str, trial: str | None = None) -> list[FlatRow]:
        """The epochs of a sweep or of one of its trials, cached trials' too."""
        where = "" if trial is None else f"where trial = {quoted(trial)}"
        query = f"from epochs {where} order by trial, epoch"
        return flat_rows(self.sql(query, sweeps=[sweep]))

    def known_epochs(
        self, sweep: str, trials: Collection[str] | None = None
    ) -> dict[str, set[int]]:
        """The epochs that the tables hold, by trial; what a resume need not write.

        Args:
            sweep: its name.
            trials: only these; all when None.
        """
        self.sweep_description(sweep)
        rows = read_newest(self.store, sweep, "epochs", ["trial", "epoch"])
        if trials is not None:
            rows = rows.filter(pc.is_in(rows["trial"], pa.array(trials, pa.string())))
        known: dict[str, set[int]] = {}
        for trial, epoch in _zipped(rows, "trial", "epoch"):
            known.setdefault(trial, set()).add(epoch)
        return known

    def curves(self, sweep: str, metric: str) -> dict[str, list[tuple[int, float]]]:
        """A metric by epoch, of every trial of a sweep, cached ones too.

        Args:
            sweep: its name.
            metric: a column of `epochs`.
        """
        query = f"select trial, epoch, {metric} as value from epochs order by all"
        curves: dict[str, list[tuple[int, float]]] = {}
        rows = self.sql(query, sweeps=[sweep])
        for trial, epoch, value in _zipped(rows, "trial", "epoch", "value"):
            curves.setdefault(trial, []).append((epoch, value))
        return curves

    def completed(self, trials: Collection[str] | None = None) -> dict[str, FlatRow]:
        """The memo: trial to the row of its newest completed run in the whole store.

        Args:
            trials: only these; all when None.
        """
        return read_completed(self.store, trials)

    def referred(self, sweep: str) -> set[str]:
        """Trials of a sweep that other sweeps have as `cached`, with it as source."""
        return read_referred(self.store, sweep)

    def stale(self, wanted: Iterable[Mapping[str, Any]]) -> Stale:
        """Which changed files keep trials from being hits.

        Args:
            wanted: rows with `fingerprint.*`, of trials that `completed` lacks.
        """
        return find_stale(self.store, wanted)

    def best(self, sweep: str, metric: str, mode: str) -> FlatRow | None:
        """The trial with the best validation metric among those that ended well.

        None when no trial was completed, or cached, with a value. A trial that its
        scheduler stopped is not among them, here as in `ls` and in the answer: its
        last epoch is another epoch than theirs.

        Args:
            sweep: its name.
            metric: a column of `trials`, as `val.accuracy` or `best.val.accuracy`.
            mode: `max` or `min`.

        Raises:
            ResultsError: No such metric, or one of the test split.
        """
        rows = self.trials(sweep)
        known = [name for name in (rows[0] if rows else {}) if "val." in name]
        if rows and metric not in known:
            fix = suggest_name(metric, known)
            raise ResultsError("--metric", "must be one of validation", metric, fix)
        ended = [row for row in rows if row["status"] in ENDED_WELL]
        rated = [row for row in ended if is_finite(row[metric])]
        sign = 1 if mode == "max" else -1
        return max(rated, key=lambda row: sign * row[metric], default=None)

    def find_trial(self, sweep: str, prefix: str) -> FlatRow:
        """The trial whose id starts so.

        Raises:
            ResultsError: None does, or several do.
        """
        rows = self.trials(sweep)
        found = [row for row in rows if row["trial"].startswith(prefix)]
        if len(found) == 1:
            return found[0]
        rule = f"must start the id of one trial of {sweep}"
        names = [row["trial"] for row in found or rows]
        raise ResultsError(prefix, rule, f"{len(found)}", suggest_name(prefix, names))


def _zipped(rows: pa.Table, *names: str) -> Iterable[tuple[Any, ...]]:
    """The values of some columns, row by row: a dictionary a row takes ten times."""
    return zip(*(rows[name].to_pylist() for name in names), strict=True)


def quoted(text: str) -> str:
    """A text as SQL has it, with its quotes."""
    return "'" + text.replace("'", "''") + "'"
