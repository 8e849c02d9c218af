"""An import becomes a sweep: all of it, or nothing.

Its description, by which a sweep is listed, is written last, and a mark before its
rows: a folder that has the mark and no description is what a killed import has left,
and the next one of that name takes it over.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from raypg.errors import RaypgError, ResultsError, StoreError
from raypg.exchange.old import OldSweep, Row
from raypg.exchange.old_rows import (
    epoch_rows,
    faults_of,
    known_values,
    test_row,
    trial_rows,
    varying_names,
)
from raypg.faults import join_errors
from raypg.results import SweepWriter, check_types
from raypg.results.kept import drop_kept
from raypg.store import DESCRIPTION, Store

KIND = "import"
"""What `sweep.json` says of a sweep that another tool has run."""

_MARK = ".import"


def write_import(
    store: Store, name: str, old: OldSweep, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Write what another tool has left as a sweep.

    Args:
        store: where to.
        name: of the sweep; must be new.
        old: what an importer has read.
        tell: told each problem of the store as one line.

    Returns:
        The rows of `trials`.

    Raises:
        ResultsError: the tables would not take it; names every fault.
        StoreError: the name is taken, or the store does not take the rows.
    """
    rows = trial_rows(old)
    _check(store, old, rows)
    store.check_writable()
    _claim(store, name)
    # Where another process holds the sweep this raises, and what is there is its own.
    writer = SweepWriter(store, name, on_problem=tell)
    try:
        try:
            _append(store, name, old, rows, writer)
        finally:
            writer.close()
        store.write_description(name, _describe(old, rows))
    except BaseException:
        # An interrupt, too: whoever asks again is to find the name free.
        if not _has_description(store, name):
            with suppress(OSError):
                store.delete_sweep(name)
                drop_kept(store, name)
        raise
    store.delete(f"{name}/{_MARK}")
    return rows


def check_name(store: Store, name: str) -> None:
    """Refuse the name of a sweep that is there, before anything is read.

    Raises:
        StoreError: it is taken, or illegal.
    """
    if store.has_sweep(name) and not _is_left_over(store, name):
        rule, fix = "must be new", "Choose another name."
        raise StoreError(f"--name {name}", rule, f"it in {store.uri}", fix)


def _check(store: Store, old: OldSweep, rows: Sequence[Row]) -> None:
    if not rows:
        fix = "Name a file that some trial has written to."
        raise ResultsError(old.source, "must hold a trial", "none", fix)
    faults: list[RaypgError] = list(faults_of(old, rows))
    try:
        check_types(store, known_values(rows))
    except ResultsError as fault:
        faults.append(fault)
    if faults:
        raise join_errors(faults)


def _claim(store: Store, name: str) -> None:
    check_name(store, name)
    if not store.has_sweep(name):
        store.create_sweep(name)
    store.write_whole(f"{name}/{_MARK}", b"")


def _append(
    store: Store,
    name: str,
    old: OldSweep,
    rows: Sequence[Row],
    writer: SweepWriter,
) -> None:
    # Only now nobody else can: another import may have ended since the name was free.
    if _has_description(store, name):
        check_name(store, name)
    store.delete_folder(f"{name}/tables")
    for row, trial in zip(rows, old.trials, strict=True):
        key = str(row["trial"])
        for epoch in epoch_rows(key, trial):
            writer.append("epochs", epoch)
        if trial.test:
            writer.append("test_results", test_row(key, row, trial))
        writer.append("trials", row)


def _describe(old: OldSweep, rows: Sequence[Row]) -> dict[str, Any]:
    prefix = "config."
    configs = [
        {n.removeprefix(prefix): v for n, v in row.items() if n.startswith(prefix)}
        for row in rows
    ]
    return {
        "kind": KIND,
        "question": "",
        "axes": varying_names(configs),
        "metric": old.metric,
        "mode": old.mode,
        "baseline": None,
        "num_trials": len(rows),
        "source": old.source,
        "taken": dict(old.taken),
        "imported": datetime.now(UTC).isoformat(),
    }


def _is_left_over(store: Store, name: str) -> bool:
    """Whether a killed import has left the folder, and nobody writes it now."""
    if _has_description(store, name) or store.is_being_written(name):
        return False
    return _exists(store, f"{name}/{_MARK}")


def _has_description(store: Store, name: str) -> bool:
    return _exists(store, f"{name}/{DESCRIPTION}")


def _exists(store: Store, path: str) -> bool:
    try:
        store.read(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
