"""Where an export goes: a path that is free, and in the end whole or not there."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raypg.errors import ResultsError


def check_free(path: Path) -> None:
    """Refuse a path that holds something: nothing is overwritten.

    Raises:
        ResultsError: it is a file that is not empty, or a folder that is not.
    """
    found = ""
    if path.is_dir():
        found = "a folder that is not empty" if any(path.iterdir()) else ""
    elif path.exists():
        found = f"a file of {path.stat().st_size} bytes" if path.stat().st_size else ""
    if found:
        fix = "Name another path, or remove it."
        raise ResultsError(f"--out {path}", "must be new or empty", found, fix)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside the given one; what is written there takes its place at the end.

    Where the body raises, nothing is left of it.

    Raises:
        ResultsError: the given path is not free.
    """
    check_free(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield beside
        if path.is_dir():
            path.rmdir()
        os.replace(beside, path)
    except BaseException:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)
        raise
