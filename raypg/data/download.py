"""Fetch raw files through torchvision, into the layout that torchvision uses."""

import contextlib
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from raypg.data.lock import hold_lock
from raypg.data.source import Source
from raypg.errors import DataError

TIMEOUT_S = 30.0
"""Of a silent connection. urllib's default is to wait for ever."""


@dataclass(frozen=True)
class Archive:
    """What a publisher gives in one file, which torchvision has no class for."""

    url: str
    md5: str


def download_files(source: Source, folder: Path, missing: DataError) -> None:
    """Fetch a data set below a folder, checked by torchvision's own checksums.

    Args:
        source: the data set.
        folder: torchvision's `root`.
        missing: what `find_files` said.

    Raises:
        DataError: it could not be fetched. Adds the cause to `missing`.
    """

    def fetch() -> None:
        # Slow to import (2.4 s), and no worker needs it: only a first download does.
        import torchvision

        kind = getattr(torchvision.datasets, source.torchvision)
        for split in source.fetched_splits or ("",):
            asked = {"split": split} if split else {}
            kind(root=str(folder), download=True, **asked)

    _download(fetch, folder, source.torchvision, missing)


def download_archive(archive: Archive, folder: Path, missing: DataError) -> None:
    """Fetch an archive, check it, and unpack it into a folder.

    Raises:
        DataError: it could not be fetched. Adds the cause to `missing`.
    """

    def fetch() -> None:
        from torchvision.datasets import utils

        utils.download_and_extract_archive(archive.url, str(folder), md5=archive.md5)

    _download(fetch, folder, Path(archive.url).name, missing)


def _download(
    fetch: Callable[[], None], folder: Path, name: str, missing: DataError
) -> None:
    """Have torchvision fetch something, one process of a node at a time."""
    timeout_s = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # torchvision prints its progress; stdout is for results. It fetches nothing
        # that is there, so whoever comes second to the lock is done.
        with (
            hold_lock(folder / f"{name}.lock"),
            contextlib.redirect_stdout(sys.stderr),
        ):
            fetch()
    except (OSError, RuntimeError) as error:
        where, rule, found, fix = missing.args
        cause = " ".join(str(error).split())
        found += f", and torchvision could not fetch it ({cause})"
        raise DataError(where, rule, found, fix) from error
    finally:
        socket.setdefaulttimeout(timeout_s)
