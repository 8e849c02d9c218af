"""A lock where there are none: an object whose counter its holder raises while alive.

A bucket has no locks that end with their process, and pyarrow no put that fails where
an object is. So a lease is taken by a put that is looked at again, and its holder looks
before each of its writes: of several that take it at once the last put stands, and all
others leave. Who finds a lease watches it for a window by its own clock alone: a
counter that moves is alive, one that stands still is dead.
"""

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from raypg.errors import StoreError

BEAT_S = 3.0
"""How often a holder raises its counter."""
WINDOW_S = 8 * BEAT_S
"""A counter that stands still for so long belongs to nobody. What a holder may miss:
a store out of its reach, or itself held up, and somebody who asks just then."""
REQUEST_S = 5.0
"""Longest wait for one answer of the store, so that a lost one costs two beats."""
SETTLE_S = 1.0
"""After a put; longer than the puts of others that saw no lease before it."""
LOOK_S = 1.0
CLOCKS_AGREE_S = 3600.0
"""Stores refuse requests of machines whose clocks are minutes off, so that this much
is beyond doubt."""


class Place(Protocol):
    """Where a lease lies: a bucket that answers soon or not at all."""

    def read(self, path: str) -> bytes:
        """An object's content; FileNotFoundError where there is none."""

    def write_whole(self, path: str, content: bytes, *, durable: bool) -> None:
        """Put an object."""

    def delete(self, path: str) -> None:
        """Remove an object."""

    def modified(self, path: str) -> datetime | None:
        """When it was put, by the bucket's clock; None where there is none."""


@dataclass(frozen=True)
class Owner:
    """A process that writes a sweep."""

    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    since: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    )
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


UNKNOWN = Owner("an unknown host", 0, "an unknown time", "")
"""Of a lease that does not say whose it is, or was."""


def held_by(where: str, holder: object) -> StoreError:
    """What a process is told that would be the second one to write a sweep."""
    rule = "must be written by one process"
    found = f"{holder}, that writes it now"
    return StoreError(where, rule, found, "Wait until it has ended, or end it.")


class Lease:
    """A lease that is held until it is closed, or until another process has it.

    Args:
        place: where it lies.
        path: of its object.
        where: what errors call what it is for.
        on_loss: told once, as one line, that another process has it; from a thread.
    """

    def __init__(
        self, place: Place, path: str, where: str, on_loss: Callable[[str], None]
    ) -> None:
        self.owner = Owner()
        self._place, self._path, self._where = place, path, where
        self._on_loss = on_loss
        self._counter = 0
        self._beaten_at = _now()
        self._is_lost = False
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self) -> None:
        """Put it, and hold it from now on.

        Raises:
            StoreError: another process has put its own at the same time.
        """
        self.beat()
        try:
            time.sleep(SETTLE_S)
            other = self._other()
        except BaseException:
            self.close()
            raise
        if other is not None:
            raise held_by(self._where, other)
        self._thread.start()

    def is_held(self) -> bool:
        """Look whether it still is this process's; once lost it stays lost.

        Raises:
            OSError: the store cannot be reached, so that nobody knows.
        """
        with self._lock:
            if self._is_lost:
                return False
            other = self._other()
            self._is_lost = other is not None
        if other is not None:
            rule = "must be written by one process"
            found = f"{other}, that took it over while this one gave no sign"
            fix = "This one ends."
            self._on_loss(str(StoreError(self._where, rule, found, fix)))
        return other is None

    def beat(self) -> None:
        """Raise the counter."""
        self._counter += 1
        sign = {**asdict(self.owner), "counter": self._counter}
        self._place.write_whole(self._path, json.dumps(sign).encode(), durable=True)
        self._beaten_at = _now()

    def close(self) -> None:
        """Give it back; one that cannot be given back stands still."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            if not self._is_lost and self._other() is None:
                self._place.delete(self._path)
        except OSError:
            return

    def _keep(self) -> None:
        while not self._closing.wait(BEAT_S):
            try:
                if not self.is_held():
                    return
                self.beat()
            except OSError:  # the counter stands still until the store is back
                continue

    def _other(self) -> Owner | None:
        """Who has put a lease over this one.

        One that was deleted is put again, unless this process gave no sign for a
        window: another may have taken it over, and given it back.
        """
        content = _content(self._place, self._path)
        if content is None:
            return UNKNOWN if _now() - self._beaten_at > WINDOW_S else None
        owner = _owner(content)
        return None if owner.id == self.owner.id else owner


def take_lease(
    place: Place,
    path: str,
    *,
    where: str,
    tell: Callable[[str], None],
    on_loss: Callable[[str], None],
) -> Lease:
    """Hold a lease; one whose holder gives no sign for a window is taken over.

    Args:
        place: where it lies.
        path: of its object.
        where: what errors call what it is for.
        tell: told once, where there is something to wait for.
        on_loss: told once, as one line, that another process has it; from a thread.

    Raises:
        StoreError: another process holds it.
        OSError: the store cannot be reached.
    """
    _wait_for_stillness(place, path, where, tell)
    lease = Lease(place, path, where, on_loss)
    lease.take()
    return lease


def is_live(place: Place, path: str) -> bool | None:
    """Whether somebody holds a lease, without a wait; None where that is not to tell.

    By the time of its object, and so by two clocks: good enough to be shown, not to
    take it over.
    """
    modified = place.modified(path)
    if modified is None:
        return False
    age_s = (datetime.now(UTC) - modified).total_seconds()
    if abs(age_s) <= WINDOW_S:
        return True
    return False if age_s > CLOCKS_AGREE_S else None


def _wait_for_stillness(
    place: Place, path: str, where: str, tell: Callable[[str], None]
) -> None:
    """Return once nobody holds the lease; refuse where somebody does."""
    seen = _content(place, path)
    if seen is None:
        return
    tell(
        f"{where}: {_owner(seen)} has it and may be dead; waiting up to "
        f"{WINDOW_S:.0f} s for the sign that it gives every {BEAT_S:.0f} s"
    )
    until = time.monotonic() + WINDOW_S
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        now = _content(place, path)
        if now is None:
            return
        if now != seen:
            raise held_by(where, _owner(now))


def _content(place: Place, path: str) -> bytes | None:
    try:
        return place.read(path)
    except FileNotFoundError:
        return None


def _owner(content: bytes) -> Owner:
    try:
        sign = json.loads(content)
        return Owner(sign["host"], sign["pid"], sign["since"], sign["id"])
    except (ValueError, LookupError, TypeError):
        return UNKNOWN


def _now() -> float:
    """Seconds that go on while a machine sleeps, where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
