"""Trials of a whole store by what is known of them, reading no more than that asks.

A store may have thousands of sweeps, most of which have nothing that was asked for: the
few columns by which trials are found are read of all, whole rows of those found.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from raypg.results import compute as pc
from raypg.results.columns import TEXT
from raypg.results.memo import FlatRow
from raypg.results.read import read_each, read_newest
from raypg.results.schema import flat_rows, join
from raypg.results.views import query_trials, trials_of
from raypg.store import Store

KEYS = ("sweep", "trial", "arm", "status", "finished")
"""Columns by which a trial is named, and by which its newest row is told."""

Key = tuple[str, str]
"""The sweep of a trial, and its id."""


def read_keys(store: Store, sweeps: Sequence[str], *more: str) -> pa.Table:
    """Each trial once, however many sweeps hold it: `KEYS` and more of its columns.

    Args:
        store: where the sweeps live.
        sweeps: their names.
        more: top-level columns, of which those that no sweep has are left out.
    """
    trials = trials_of(store, sweeps, [*dict.fromkeys((*KEYS, *more))])
    return query_trials(trials, "from unique_trials")


def read_found(
    store: Store, keys: Iterable[Key], columns: Sequence[str] | None = None
) -> list[FlatRow]:
    """The newest rows of some trials, sweep by sweep.

    Args:
        store: where they live.
        keys: of the trials.
        columns: top-level ones; all when None.
    """
    wanted: dict[str, list[str]] = {}
    for sweep, trial in keys:
        wanted.setdefault(sweep, []).append(trial)

    def of_sweep(sweep: str) -> pa.Table:
        rows = read_newest(store, sweep, "trials", columns)
        return rows.filter(pc.is_in(rows["trial"], pa.array(wanted[sweep], TEXT)))

    tables = read_each([*wanted], of_sweep)
    return flat_rows(join(tables)) if tables else []


def keys_of(trials: pa.Table) -> list[Key]:
    """The keys of rows, in their order."""
    return list(zip(*(trials[n].to_pylist() for n in ("sweep", "trial")), strict=True))
