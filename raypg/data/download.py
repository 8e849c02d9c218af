"""Fetch raw files through torchvision, into the layout that torchvision uses."""

import contextlib
import socket
import sys
from pathlib import Path

from raypg.data.source import Source
from raypg.errors import DataError

TIMEOUT_S = 30.0
"""Of a silent connection. urllib's default is to wait for ever."""


def download_files(source: Source, folder: Path) -> None:
    """Fetch a data set below a folder, checked by torchvision's own checksums.

    Raises:
        DataError: it could not be fetched. Names the cause.
    """
    # Slow to import (2.4 s), and no worker needs it: only a first download does.
    import torchvision

    fetch = getattr(torchvision.datasets, source.torchvision)
    timeout_s = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        # torchvision prints its progress; stdout is for results.
        with contextlib.redirect_stdout(sys.stderr):
            fetch(root=str(folder), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            source.title,
            f"must be downloaded into {folder}",
            f"no way to do so ({str(error).strip()})",
            "Run `make data` where there is a network, or set data.root=FOLDER "
            f"where {', '.join(source.files)} lie.",
        ) from error
    finally:
        socket.setdefaulttimeout(timeout_s)
