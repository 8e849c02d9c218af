"""A file that a command was asked for: there whole, or as it was before."""

from pathlib import Path

from raypg.errors import ResultsError
from raypg.store import Store


def write_file(path: str, content: bytes) -> None:
    """Replace a file, or make it, in one step.

    Args:
        path: in a folder that exists.
        content: all of it.

    Raises:
        ResultsError: it cannot be written; nothing is left behind.
    """
    where, given = f"--out {path}", Path(path)
    if given.is_dir():
        raise ResultsError(where, "must be a file", "a folder", "Name a file in it.")
    target = given.resolve()  # a rename would replace a link, and not its file
    if not target.parent.is_dir():
        rule, found = "must lie in a folder that exists", f"none at {target.parent}"
        raise ResultsError(where, rule, found, "Make the folder first.")
    try:
        Store(str(target.parent)).write_whole(target.name, content)
    except OSError as cause:
        found, fix = str(cause.strerror or cause).lower(), "Choose another place."
        raise ResultsError(where, "must be writable", found, fix) from cause
