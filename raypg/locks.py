"""The kernel's lock of a file, and file systems that have none: see `raypg.lease`."""

import errno
import fcntl
from typing import IO, Any

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What network file systems without locks say; they must work all the same."""


def has_locks(file: IO[Any]) -> bool:
    """Whether the file system of an open file has locks.

    Raises:
        OSError: the file system fails.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(file, fcntl.LOCK_UN)
    except OSError as cause:
        if cause.errno in (errno.EAGAIN, errno.EACCES):
            return True
        if cause.errno in _NO_LOCKS:
            return False
        raise
    return True


def take_lock(file: IO[Any], kind: int) -> bool:
    """Lock an open file; whether it is locked now, or cannot be on its file system.

    Args:
        file: whose closing frees the lock, as does the death of the process.
        kind: of `fcntl.flock`. With `LOCK_NB` the answer is False where another has it.

    Raises:
        OSError: the file system fails.
    """
    try:
        fcntl.flock(file, kind)
    except OSError as cause:
        if cause.errno in _NO_LOCKS:
            return True
        if cause.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
