"""A trial's checkpoints in a store: kept as Tune does, found without any table."""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from raypg.errors import CheckpointError
from raypg.store import Store
from raypg.training.state import (
    INDEX_FILE,
    STATE_FILE,
    State,
    build_index,
    pack_state,
    read_packed_state,
)

NUM_KEPT = 2
"""Of one attempt: the last one may be damaged."""
PATIENCE_S = 600.0
"""How long a trial waits for a store that has its checkpoint."""
MAX_BACKOFF_S = 30.0
Read = TypeVar("Read")

_FALL_BACK = "An earlier checkpoint of the trial can be used."

_FOLDER = re.compile(r"checkpoint_(\d+)")
_OWN = re.compile(r"[^-]+(?:-(\d+))?")


def checkpoint_folders(store: Store, sweep: str, trial: str) -> list[str]:
    """All checkpoints of a trial, newest first, relative to the store.

    Tune numbers a session's checkpoints from 0, so that each session's attempt has a
    folder of its own: `<trial>`, `<trial>-1`, `<trial>-2`, …
    """
    root = f"{sweep}/checkpoints"
    found = []
    for own in store.folders(root):
        if own.partition("-")[0] != trial:
            continue
        for inner in store.folders(f"{root}/{own}"):
            if order := _order(own, inner):
                found.append((order, f"{root}/{own}/{inner}"))
    return [path for _, path in sorted(found, reverse=True)]


def _order(own: str, inner: str) -> tuple[int, int] | None:
    """The attempt and number in the two names of a checkpoint's path, if it is one."""
    attempt, number = _OWN.fullmatch(own), _FOLDER.fullmatch(inner)
    return (int(attempt[1] or 0), int(number[1])) if attempt and number else None


@dataclass(frozen=True)
class Held:
    """A checkpoint that a store holds, whole or not.

    Attributes:
        folder: relative to the store.
        order: grows from one checkpoint of its trial to the next.
        sizes: bytes of its files, by name.
    """

    folder: str
    order: tuple[int, int]
    sizes: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        """Of all its files."""
        return sum(self.sizes.values())


def list_held(store: Store, sweep: str) -> dict[str, list[Held]]:
    """All checkpoints of a sweep by their trials, newest first; one walk or listing."""
    root = f"{sweep}/checkpoints"
    files: dict[tuple[str, str], dict[str, int]] = {}
    for path, size in store.sizes(root).items():
        own, _, rest = path.partition("/")
        inner, _, name = rest.partition("/")
        if name:
            files.setdefault((own, inner), {})[name] = size
    held: dict[str, list[Held]] = {}
    for (own, inner), sizes in files.items():
        if order := _order(own, inner):
            one = Held(f"{root}/{own}/{inner}", order, sizes)
            held.setdefault(own.partition("-")[0], []).append(one)
    for ones in held.values():
        ones.sort(key=lambda one: one.order, reverse=True)
    return held


def has_whole_size(store: Store, held: Held) -> bool:
    """Whether a checkpoint is as long as its index says; its content is not read."""
    try:
        check_size(store, held)
    except (OSError, CheckpointError):
        return False
    return True


def check_size(store: Store, held: Held) -> None:
    """Refuse a checkpoint that is not as long as its index says; no state is read.

    Raises:
        CheckpointError: a file is missing or cut short, or the index is damaged.
        OSError: the store is out of reach, so that nobody knows.
    """
    rule = f"must hold {STATE_FILE} and {INDEX_FILE}"
    if not {STATE_FILE, INDEX_FILE} <= held.sizes.keys():
        found = ", ".join(sorted(held.sizes))
        raise CheckpointError(held.folder, rule, found, _FALL_BACK)
    try:
        with unreadable_is_damaged(store, held.folder):
            index = json.loads(store.read(f"{held.folder}/{INDEX_FILE}"))
        size_bytes = int(index["size_bytes"])
    except (FileNotFoundError, ValueError, LookupError, TypeError) as error:
        raise CheckpointError(held.folder, rule, str(error), _FALL_BACK) from error
    if size_bytes != held.sizes[STATE_FILE]:
        rule = f"{STATE_FILE} must have {size_bytes} bytes"
        found = f"{held.sizes[STATE_FILE]} bytes"
        raise CheckpointError(held.folder, rule, found, _FALL_BACK)


def read_checkpoint(store: Store, folder: str) -> bytes:
    """The packed state in a checkpoint of the store, held against its checksum.

    Raises:
        CheckpointError: a file is missing, cut short or damaged.
        OSError: the store is out of reach, so that nobody knows.
    """
    with unreadable_is_damaged(store, folder):
        return read_packed_state(lambda name: store.read(f"{folder}/{name}"), folder)


@contextmanager
def unreadable_is_damaged(store: Store, folder: str) -> Iterator[None]:
    """What a folder of this machine does not give is not waited for.

    Raises:
        CheckpointError: the store is local, and what is read is not readable.
    """
    try:
        yield
    except OSError as error:
        if not store.is_local:
            raise
        rule, fix = "must be readable", "An earlier checkpoint can be used."
        raise CheckpointError(folder, rule, str(error), fix) from error


def patiently(read: Callable[[], Read], store: Store) -> Read:
    """What a store gives; a bucket may be out of reach for a while.

    Raises:
        OSError: it is out of reach for longer than that.
    """
    if store.is_local:
        return read()
    wait_s, until = 1.0, time.monotonic() + PATIENCE_S
    while True:
        try:
            return read()
        except OSError:
            if time.monotonic() > until:
                raise
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, MAX_BACKOFF_S)


def last_good_checkpoint(
    store: Store,
    sweep: str,
    trial: str,
    on_damaged: Callable[[str], None] = lambda line: None,
) -> str:
    """The newest checkpoint that is whole; empty when there is none.

    Args:
        store: where the sweep lives.
        sweep: its name.
        trial: the trial's id.
        on_damaged: told of each newer one that is not, as one line.

    Raises:
        OSError: the store is out of reach, so that nobody knows.
    """
    folders = checkpoint_folders(store, sweep, trial)
    return _first_good(store, folders, on_damaged)[0]


def read_good_checkpoint(
    store: Store, folder: str, on_damaged: Callable[[str], None]
) -> tuple[str, bytes]:
    """The packed state in a checkpoint, or in the newest whole one before it.

    Args:
        store: where its sweep lives.
        folder: of the checkpoint, relative to the store.
        on_damaged: told of each that is not whole, as one line.

    Returns:
        Where the state was, and the state; both empty where none is whole.

    Raises:
        OSError: the store is out of reach, so that nobody knows.
    """
    found = _first_good(store, [folder], on_damaged)
    if found[0]:
        return found
    sweep, _, own, _ = folder.split("/")
    folders = checkpoint_folders(store, sweep, own.partition("-")[0])
    after = folders.index(folder) + 1 if folder in folders else 0
    return _first_good(store, folders[after:], on_damaged)


def _first_good(
    store: Store, folders: Iterable[str], on_damaged: Callable[[str], None]
) -> tuple[str, bytes]:
    """The first folder whose checkpoint is whole, with its state; both may be empty."""
    for folder in folders:
        try:
            return folder, read_checkpoint(store, folder)
        except CheckpointError as error:
            on_damaged(str(error))
    return "", b""


class CheckpointKeeper:
    """Writes the checkpoints of one attempt beside its training; keeps the newest two.

    A store that fails does not fail the trial: the checkpoint is missing, and someone
    is told.

    Args:
        store: where the sweep lives.
        sweep: its name.
        trial: the trial's id.
        attempt: counts the times that the trial was started.
        on_problem: told each problem as one line, from a thread.
    """

    def __init__(
        self,
        store: Store,
        sweep: str,
        trial: str,
        attempt: int,
        on_problem: Callable[[str], None],
    ) -> None:
        own = f"{trial}-{attempt}" if attempt else trial
        self._root = f"{sweep}/checkpoints/{own}"
        self._store = store
        self._on_problem = on_problem
        self._num_saved = 0
        self._kept: deque[str] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoints")

    def save(self, state: State) -> None:
        """Write a state, soon; returns at once."""
        folder = f"{self._root}/checkpoint_{self._num_saved:06d}"
        self._num_saved += 1
        self._pool.submit(self._write, folder, state)

    def close(self) -> str:
        """Wait for the last one; the newest folder, empty where none was written."""
        self._pool.shutdown()
        return self._kept[-1] if self._kept else ""

    def _write(self, folder: str, state: State) -> None:
        try:
            data = pack_state(state)
            self._store.write_whole(f"{folder}/{STATE_FILE}", data)
            index = build_index(data, state.epoch).encode()
            self._store.write_whole(f"{folder}/{INDEX_FILE}", index)
            self._kept.append(folder)
            while len(self._kept) > NUM_KEPT:
                self._store.delete_folder(self._kept.popleft())
        except OSError as cause:
            self._on_problem(f"epoch {state.epoch} has no checkpoint: {cause}")
            if self._store.is_local:
                with suppress(OSError):  # rows need what it has taken of a full disk
                    self._store.delete_folder(folder)
