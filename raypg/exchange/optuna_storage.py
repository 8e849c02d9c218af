"""The file of an Optuna storage, opened as a copy: nothing is written to it."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from raypg.errors import ResultsError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

URL = "sqlite:///"
_HEADER = b"SQLite format 3\x00"
_NO_JOURNAL = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What Optuna raises that replays JSON lines which are no journal of its own."""


def is_study(path: str) -> bool:
    """Whether a path looks like a study's file."""
    if path.startswith(URL):
        return True
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        start = file.read(200)
    return start.startswith((_HEADER, b'{"op_code"'))


def path_of(path: str) -> str:
    """The file that a path or an `sqlite:///` URL names."""
    return path.removeprefix(URL)


@contextmanager
def open_storage(url: str) -> Iterator["BaseStorage"]:
    """The storage of a copy: Optuna would add its tables to a file that lacks them."""
    path = Path(path_of(url))
    if "://" in str(path) or not path.is_file():
        rule, found = "must be an SQLite or journal file of Optuna", "no such file"
        fix = "Copy another storage with `optuna.copy_study` first."
        raise ResultsError(url, rule, found, fix)
    with path.open("rb") as file:
        is_sqlite = file.read(len(_HEADER)) == _HEADER
    with tempfile.TemporaryDirectory(prefix="raypg-") as folder:
        copy = Path(folder, "study")
        with _open_copy(path, copy, is_sqlite) as storage:
            yield storage


@contextmanager
def _open_copy(path: Path, copy: Path, is_sqlite: bool) -> Iterator["BaseStorage"]:
    if is_sqlite:
        _copy_sqlite(path, copy)
    else:
        shutil.copyfile(path, copy)

    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if is_sqlite:
        try:
            storage = RDBStorage(f"{URL}{copy}")
        except RuntimeError as cause:  # written by another version of Optuna
            raise _unreadable(path, cause) from cause
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()
        return
    try:
        journal = JournalStorage(JournalFileBackend(str(copy)))
    except _NO_JOURNAL as cause:
        raise _unreadable(path, cause) from cause
    yield journal


def _copy_sqlite(path: Path, copy: Path) -> None:
    """A consistent copy, while another process may write."""
    try:
        with (
            closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            ) as old,
            closing(sqlite3.connect(copy)) as new,
        ):
            old.backup(new)
            query = "select name from sqlite_master where type = 'table'"
            tables = {name for (name,) in new.execute(query)}
    except sqlite3.Error as cause:
        raise _unreadable(path, cause) from cause
    if not {"studies", "trials"} <= tables:
        found = f"the tables {', '.join(sorted(tables)) or '(none)'}"
        fix = "Name the file of a study."
        raise ResultsError(str(path), "must be a storage of Optuna", found, fix)


def _unreadable(path: Path, cause: Exception) -> ResultsError:
    found = " ".join(f"{type(cause).__name__}: {cause}".split())[:200]
    fix = "Name an SQLite or journal file that Optuna has written."
    return ResultsError(str(path), "must be a storage of Optuna", found, fix)
