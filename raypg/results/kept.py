"""Rows that a store did not take, kept on this machine until `--resume` takes them in.

They are tables like the store's own, in a store of their own:

    ~/.local/state/raypg/unwritten/<which store>/<sweep>/tables/<table>/*.arrows
"""

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from raypg.results.columns import UNIQUE, WRITE_ORDER
from raypg.results.read import check_trials, read_newest
from raypg.results.schema import flat_rows
from raypg.results.segments import SegmentWriter
from raypg.store import Store

Row = Mapping[str, object]


class Writer(Protocol):
    """Of the sweep's tables."""

    def append(self, table: str, row: Row) -> None:
        """Add a row by dotted names."""

    def flush(self) -> bool:
        """Write everything appended so far; whether all of it was written."""


def kept_folder(store: Store, sweep: str) -> Path:
    """Where a sweep's rows are kept on this machine, if any are."""
    return Path(_home(store).path(sweep))


def keep_rows(store: Store, sweep: str, rows: Mapping[str, Sequence[Row]]) -> None:
    """Keep rows of a sweep outside its store.

    Raises:
        OSError: there is no room for them here either.
    """
    writer = f"{time.time_ns():x}-{uuid.uuid4().hex[:4]}"
    for table in WRITE_ORDER:
        if own := rows.get(table):
            segment = SegmentWriter(_home(store), sweep, table, writer)
            segment.append(own)
            segment.close()


def take_in(
    store: Store, sweep: str, writer: Writer, tell: Callable[[str], None]
) -> int:
    """Write the kept rows that a sweep's tables lack; how many they were.

    Another process may have gone on with the sweep since: what it wrote is newer.

    Args:
        store: where the sweep lives.
        sweep: its name.
        writer: of its tables.
        tell: told in a line of rows that were taken in.

    Raises:
        OSError: they cannot be read or written now; they stay where they are.
        ResultsError: trials of the sweep are lost, so that what it lacks is not known.
    """
    home, num_taken = _home(store), 0
    if not home.has_sweep(sweep):
        return 0
    check_trials(store, sweep)
    # All are read before the first is written: a store that fails costs none.
    lacking = {table: _lacking(home, store, sweep, table) for table in WRITE_ORDER}
    for table, rows in lacking.items():
        for row in rows:
            writer.append(table, row)
            num_taken += 1
    if not writer.flush():
        raise OSError(f"{store.uri} does not take the rows kept in {home.path(sweep)}")
    home.delete_sweep(sweep)
    if num_taken:
        tell(f"rows taken in that were kept on this machine: {num_taken}")
    return num_taken


def drop_kept(store: Store, sweep: str) -> None:
    """Forget what was kept: it is written."""
    _home(store).delete_sweep(sweep)


def set_kept_aside(store: Store, sweep: str) -> str:
    """Leave what was kept of an earlier sweep of that name to a person.

    The store may have been another one at this place, or not mounted.

    Returns:
        Where it is now, as a line to tell; empty where there was nothing.
    """
    folder = kept_folder(store, sweep)
    if not folder.exists():
        return ""
    aside = folder.with_name(f"{sweep}.{time.time_ns():x}")
    folder.rename(aside)
    return f"rows kept of an earlier sweep {sweep} are now in {aside}"


def _home(store: Store) -> Store:
    base = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser()
    which = hashlib.sha256(store.uri.encode()).hexdigest()[:12]
    return Store(str(base / "raypg" / "unwritten" / which))


def _lacking(home: Store, store: Store, sweep: str, table: str) -> list[dict[str, Any]]:
    """The kept rows of a table that say more than the store's own do."""
    kept = flat_rows(read_newest(home, sweep, table))
    if not kept:
        return []
    keys = UNIQUE[table][0]
    columns = [*keys, "attempt", *(["status"] if table == "trials" else [])]
    own = {
        tuple(row[name] for name in keys): row
        for row in flat_rows(read_newest(store, sweep, table, columns))
    }
    return [
        row
        for row in kept
        if _says_more(table, row, own.get(tuple(row[name] for name in keys)))
    ]


def _says_more(table: str, row: Row, own: Row | None) -> bool:
    if own is None or _attempt(row) > _attempt(own):
        return True
    is_open = table == "trials" and own["status"] in ("running", "interrupted")
    return is_open and _attempt(row) == _attempt(own)


def _attempt(row: Row) -> int:
    attempt = row["attempt"]
    return attempt if isinstance(attempt, int) else 0
