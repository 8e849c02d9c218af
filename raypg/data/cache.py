"""Data sets decoded once a node: read-only .npy files that every worker maps.

An entry is a folder that is renamed into place when it is whole, by the process that
holds its lock. Whoever finds it whole needs no lock.
"""

import glob
import json
import os
import shutil
import socket
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from raypg.data.dataset import Dataset, Split
from raypg.data.lock import hold_lock
from raypg.errors import DataError

SPLITS = ("train", "val", "test")
IMAGES, LABELS = "{}_images.npy", "{}_labels.npy"
"""The files of a split."""
_TUPLES = ("mean", "std", "class_names", "notes")


def load_cached(folder: Path, write: Callable[[Path], Mapping[str, Any]]) -> Dataset:
    """The data set of an entry; an entry that is missing or damaged is written.

    Args:
        folder: the entry. Its name must change with whatever changes the content.
        write: puts the arrays into a folder (`IMAGES` and `LABELS` of each split) and
            says the rest of the data set, by the fields of `Dataset`; called by one
            process of a node at a time.

    Raises:
        DataError: the cache cannot be written.
    """
    dataset = _load_entry(folder)
    if dataset is not None:
        return dataset
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder.with_suffix(".lock")):
            dataset = _load_entry(folder)  # another process may have written it
            if dataset is None:
                _remove_leftovers(folder)
                _write_entry(folder, write)
                dataset = _load_entry(folder)
    except OSError as error:
        fix = "Set RAYPG_CACHE to a folder that can be written."
        raise DataError(str(folder), "must be writable", str(error), fix) from error
    assert dataset is not None, "an entry that was just renamed into place is whole"
    return dataset


def read_about(folder: Path) -> dict[str, Any] | None:
    """What a whole entry says of itself, `version` for one; None for anything else."""
    try:
        about: dict[str, Any] = json.loads((folder / "about.json").read_text())
        sizes = about.pop("files").items()
        is_whole = all((folder / name).stat().st_size == size for name, size in sizes)
    except (OSError, ValueError, KeyError):
        return None
    return about if is_whole else None


def _load_entry(folder: Path) -> Dataset | None:
    """A whole entry, memory-mapped; None for anything else."""
    about = read_about(folder)
    if about is None:
        return None
    try:
        about |= {key: tuple(about.get(key, ())) for key in _TUPLES}
        about |= {name: _load_split(folder, name) for name in SPLITS}
        return Dataset(**about)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _load_split(folder: Path, name: str) -> Split:
    return Split(
        np.load(folder / IMAGES.format(name), mmap_mode="r"),
        np.load(folder / LABELS.format(name), mmap_mode="r"),
    )


def _write_entry(folder: Path, write: Callable[[Path], Mapping[str, Any]]) -> None:
    """Write an entry beside its place, then rename it there."""
    making = folder.with_name(f"{folder.name}.{_own_mark()}")
    making.mkdir()
    try:
        about = dict(write(making))
        about["files"] = {path.name: path.stat().st_size for path in making.iterdir()}
        (making / "about.json").write_text(json.dumps(about, indent=1))
        if folder.exists():
            # A damaged entry makes way; those who map its files keep them.
            shutil.rmtree(folder)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _own_mark() -> str:
    """Who writes: a process of this machine, and a few letters for its other tries."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes of this machine, since killed, had begun to write here."""
    for path in folder.parent.glob(f"{glob.escape(folder.name)}.*-*-*"):
        host, pid, _ = path.name.removeprefix(f"{folder.name}.").rsplit("-", 2)
        if host == socket.gethostname() and not _is_alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True
