"""`--out FILE`: what a command prints, in a file that is whole or as it was before."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from raypg.errors import ResultsError
from raypg.store import Store


@contextmanager
def written_to(path: str | None) -> Iterator[None]:
    """Let what the body prints be the content of a file, once the body has ended well.

    Args:
        path: of the file, which is replaced where it exists; None prints as ever.

    Raises:
        ResultsError: There can be no file; says why before the body has begun, but for
            a disk that takes none.
    """
    if path is None:
        yield
        return
    check_target(path)
    content = io.BytesIO()
    text = io.TextIOWrapper(content, encoding="utf-8", newline="")
    with redirect_stdout(text):
        yield
    text.flush()
    write_out(path, content.getvalue())


def check_target(path: str) -> None:
    """See whether there can be a file, before anything is made for it.

    Raises:
        ResultsError: There can be none; says why.
    """
    _target(path)


def write_out(path: str, content: bytes) -> None:
    """Replace a file, or make it, in one step.

    Args:
        path: in a folder that exists.
        content: all of it.

    Raises:
        ResultsError: It cannot be written; nothing is left behind.
    """
    target = _target(path)
    try:
        folder = Store(str(target.parent))
        folder.write_whole(target.name, content, durable=True)
    except OSError as cause:
        found, fix = str(cause.strerror or cause).lower(), "Choose another place."
        where = f"--out {path}"
        raise ResultsError(where, "must be writable", found, fix) from cause


def _target(path: str) -> Path:
    """The file behind links: a rename would replace the link, and never the file."""
    where, given = f"--out {path}", Path(path)
    try:
        is_other = given.exists() and not given.is_file()
        target = given.resolve()
    except (OSError, RuntimeError) as cause:
        rule, fix = "must be the path of a file", "Choose another one."
        raise ResultsError(where, rule, str(cause), fix) from cause
    if is_other:
        found = "a folder" if given.is_dir() else "a device or a pipe"
        raise ResultsError(where, "must be a plain file", found, "Name a file.")
    if not target.parent.is_dir():
        rule, found = "must lie in a folder that exists", f"none at {target.parent}"
        raise ResultsError(where, rule, found, "Make the folder first.")
    return target
