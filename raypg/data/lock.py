"""A lock between the processes of a node."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from raypg.locks import take_lock


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Be the only one of a node that holds `path`, a file in a folder that exists.

    The kernel frees it when the holder dies, so that none is ever left behind. A file
    system without locks gives none: there, two may do the same at once.
    """
    with path.open("w") as stream:
        take_lock(stream, fcntl.LOCK_EX)
        yield
