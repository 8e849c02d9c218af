"""A trial's checkpoints in a store: the last good one, found without any table."""

import re

from raypg.errors import CheckpointError
from raypg.store import Store
from raypg.training.state import read_packed_state

_FOLDER = re.compile(r"checkpoint_(\d+)")


def checkpoint_folders(store: Store, sweep: str, trial: str) -> list[str]:
    """All checkpoints of a trial, newest first, relative to the store.

    Tune numbers a session's checkpoints from 0, so that each session's attempt has a
    folder of its own: `<trial>`, `<trial>-1`, `<trial>-2`, …
    """
    root = f"{sweep}/checkpoints"
    found = []
    for folder in store.folders(root):
        name, _, attempt = folder.partition("-")
        if name != trial:
            continue
        for inner in store.folders(f"{root}/{folder}"):
            number = _FOLDER.fullmatch(inner)
            if number:
                order = (int(attempt or 0), int(number[1]))
                found.append((order, f"{root}/{folder}/{inner}"))
    return [path for _, path in sorted(found, reverse=True)]


def read_checkpoint(store: Store, folder: str) -> bytes:
    """The packed state in a checkpoint of the store, held against its checksum.

    Raises:
        CheckpointError: a file is missing, cut short or damaged.
    """
    return read_packed_state(lambda name: store.read(f"{folder}/{name}"), folder)


def last_good_checkpoint(store: Store, sweep: str, trial: str) -> str:
    """The newest checkpoint that is whole; empty when there is none."""
    for folder in checkpoint_folders(store, sweep, trial):
        try:
            read_checkpoint(store, folder)
        except CheckpointError:
            continue
        return folder
    return ""
