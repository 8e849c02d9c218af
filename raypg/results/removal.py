"""Sweeps that are let go for good, and what others have taken from them."""

from collections.abc import Sequence
from contextlib import closing

from raypg.errors import ResultsError
from raypg.results.query import Results


def find_takers(results: Results, sweep: str) -> list[str]:
    """The other sweeps with cached rows whose epochs lie in this one, by name."""
    found = results.sql(
        "select distinct sweep as taker from trials where source_sweep is not null "
        f"and source_sweep = '{sweep}' and sweep <> '{sweep}' order by all"
    )
    return [str(name) for name in found["taker"].to_pylist()]


def check_removable(results: Results, sweeps: Sequence[str]) -> None:
    """See that no sweep that stays has taken trials from those that are to go.

    Raises:
        ResultsError: there is no such sweep, or another one would lose its epochs.
    """
    for sweep in sweeps:
        results.sweep_description(sweep)
        takers = find_takers(results, sweep)
        if staying := [name for name in takers if name not in sweeps]:
            rule = "must hold no trial that another sweep has taken from it"
            fix = "Remove these, too, or say --force: their rows stay without epochs."
            raise ResultsError(sweep, rule, ", ".join(staying), fix)


def remove_sweep(results: Results, sweep: str) -> None:
    """Delete a sweep: tables, checkpoints, all of it. There is no way back.

    Raises:
        StoreError: a process writes it.
    """
    store = results.store
    with closing(store.lock_sweep(sweep)):
        store.delete_sweep(sweep)
