"""Data sets decoded once a node: read-only .npy files that every worker maps.

An entry is a folder that is renamed into place when it is whole, by the process that
holds its lock. Whoever finds it whole needs no lock.
"""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from raypg.data.dataset import Dataset, Split
from raypg.data.lock import hold_lock
from raypg.errors import DataError

SPLITS = ("train", "val", "test")


def load_cached(folder: Path, build: Callable[[], Dataset]) -> Dataset:
    """The data set of an entry; an entry that is missing or damaged is built.

    Args:
        folder: the entry. Its name must change with whatever changes the content.
        build: gives the data set; called by one process of a node at a time.

    Raises:
        DataError: the cache cannot be written.
    """
    dataset = _load_entry(folder)
    if dataset is not None:
        return dataset
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with hold_lock(folder.with_suffix(".lock")):
            dataset = _load_entry(folder)  # another process may have built it
            if dataset is None:
                _save_entry(folder, build())
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
        about |= {key: tuple(about[key]) for key in ("mean", "std", "class_names")}
        about |= {name: _load_split(folder, name) for name in SPLITS}
        return Dataset(**about)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _load_split(folder: Path, name: str) -> Split:
    return Split(
        np.load(folder / f"{name}_images.npy", mmap_mode="r"),
        np.load(folder / f"{name}_labels.npy", mmap_mode="r"),
    )


def _save_entry(folder: Path, dataset: Dataset) -> None:
    """Write an entry beside its place, then rename it there."""
    making = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
    making.mkdir()
    try:
        for name in SPLITS:
            split: Split = getattr(dataset, name)
            np.save(making / f"{name}_images.npy", split.images_NCHW)
            np.save(making / f"{name}_labels.npy", split.labels_N)
        about = {
            key: getattr(dataset, key)
            for key in ("name", "num_classes", "mean", "std", "class_names", "version")
        }
        about["files"] = {path.name: path.stat().st_size for path in making.iterdir()}
        (making / "about.json").write_text(json.dumps(about, indent=1))
        if folder.exists():
            # A damaged entry makes way; those who map its files keep them.
            shutil.rmtree(folder)
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
