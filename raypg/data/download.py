"""Fetch raw files through torchvision, into the layout that torchvision uses."""

import contextlib
import socket
import sys
from pathlib import Path

from raypg.data.lock import hold_lock
from raypg.data.source import Source
from raypg.errors import DataError

TIMEOUT_S = 30.0
"""Of a silent connection. urllib's default is to wait for ever."""


def download_files(source: Source, folder: Path, missing: DataError) -> None:
    """Fetch a data set below a folder, checked by torchvision's own checksums.

    Args:
        source: the data set.
        folder: torchvision's `root`.
        missing: what `find_files` said.

    Raises:
        DataError: it could not be fetched. Adds the cause to `missing`.
    """
    # Slow to import (2.4 s), and no worker needs it: only a first download does.
    import torchvision

    fetch = getattr(torchvision.datasets, source.torchvision)
    timeout_s = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # torchvision prints its progress; stdout is for results. It fetches nothing
        # that is there, so whoever comes second to the lock is done.
        with (
            hold_lock(folder / f"{source.torchvision}.lock"),
            contextlib.redirect_stdout(sys.stderr),
        ):
            fetch(root=str(folder), download=True)
    except (OSError, RuntimeError) as error:
        where, rule, found, fix = missing.args
        cause = " ".join(str(error).split())
        found += f", and torchvision could not fetch it ({cause})"
        raise DataError(where, rule, found, fix) from error
    finally:
        socket.setdefaulttimeout(timeout_s)
