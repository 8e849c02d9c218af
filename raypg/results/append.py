"""Rows on their way into a sweep's tables: buffered, flushed by a thread."""

import threading
import time
import uuid
from collections.abc import Callable, Mapping

import pyarrow as pa

from raypg.errors import RaypgError, StoreError
from raypg.results.columns import CORE, VERSION
from raypg.results.compact import compact
from raypg.results.read import newest_version
from raypg.results.segments import SegmentWriter
from raypg.store import Store

LOCAL_FLUSH_S = 0.5
BUCKET_FLUSH_S = 4.0
MAX_BACKOFF_S = 30.0
MAX_SEGMENTS = 32

Row = dict[str, object]


class SweepWriter:
    """The one writer of a sweep's tables; `append` costs microseconds, never raises.

    A daemon thread writes what was appended within a second (five on a bucket), and
    what it wrote survives SIGKILL. When the store fails it keeps the rows and tries
    again, more and more seldom.

    Args:
        store: where the sweep lives.
        sweep: its name; the sweep exists.
        on_problem: told each problem as one line, from the daemon thread.

    Raises:
        StoreError: Another process writes this sweep.
    """

    def __init__(
        self,
        store: Store,
        sweep: str,
        *,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._sweep = sweep
        self._on_problem = on_problem
        self._problems: list[str] = []
        self._lock = store.lock_sweep(sweep)
        self._flush_s = LOCAL_FLUSH_S if store.is_local else BUCKET_FLUSH_S
        writer = f"{time.time_ns():x}-{uuid.uuid4().hex[:4]}"
        self._segments = {t: SegmentWriter(store, sweep, t, writer) for t in CORE}
        self._pending: dict[str, list[Row]] = {table: [] for table in CORE}
        self._pending_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._version = newest_version(store, sweep)
        self._num_trial_rows = 0
        self._wake = threading.Event()
        self._compact_due = threading.Event()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"{name} {sweep}", daemon=True)
            for work, name in ((self._keep_flushing, "flush"), (self._tidy, "compact"))
        ]
        for thread in self._threads:
            thread.start()

    def append(self, table: str, row: Mapping[str, object]) -> None:
        """Add a row by dotted names; `sweep` is filled in.

        A row of `trials` is a new version of the trial: the newest wins, whole.
        """
        if self._closing.is_set():
            self._tell(f"{table}: a row came after the sweep was closed")
            return
        own: Row = {**row, "sweep": self._sweep}
        with self._pending_lock:
            if table == "trials":
                self._version += 1
                own[VERSION] = self._version
            self._pending[table].append(own)
        self._wake.set()

    def problems(self) -> list[str]:
        """What went wrong so far, one line each."""
        return list(self._problems)

    def flush(self) -> bool:
        """Write everything appended so far, now; whether all of it was written."""
        with self._write_lock:
            return all([self._flush_table(table) for table in CORE])

    def close(self, *, compact: bool = True) -> None:
        """Write what is left, make the tables small, and let go of the sweep.

        Raises:
            StoreError: Some rows could not be written; they are lost.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.set()
        self._compact_due.set()
        for thread in self._threads:
            thread.join()
        is_written = self.flush() or self.flush()
        for segment in self._segments.values():
            segment.close()
        if compact and is_written:
            for table in CORE:
                self._compact(table, is_last=True)
        self._lock.close()
        if not is_written:
            num_lost = sum(len(rows) for rows in self._pending.values())
            found = f"{num_lost} rows that could not be ({self._problems[-1]})"
            fix = "Free space, then go on with --resume."
            raise StoreError(self._sweep, "all rows must be written", found, fix)

    def _keep_flushing(self) -> None:
        wait_s = self._flush_s
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(wait_s)
            self._wake.clear()
            if self.flush():
                wait_s = self._flush_s
            else:
                wait_s = min(2 * wait_s, MAX_BACKOFF_S)
                self._wake.set()

    def _flush_table(self, table: str) -> bool:
        with self._pending_lock:
            rows, self._pending[table] = self._pending[table], []
        if not rows:
            return True
        segment = self._segments[table]
        try:
            has_ended = segment.append(rows)
        except (OSError, pa.ArrowException) as cause:
            with self._pending_lock:
                self._pending[table] = rows + self._pending[table]
            self._tell(f"{table}: rows wait to be written: {cause}")
            return False
        while segment.faults:
            self._tell(segment.faults.pop())
        before = self._num_trial_rows // MAX_SEGMENTS
        self._num_trial_rows += len(rows) if table == "trials" else 0
        if has_ended or self._num_trial_rows // MAX_SEGMENTS > before:
            self._compact_due.set()
        return True

    def _tidy(self) -> None:
        """Compact in a thread of its own, so that no flush waits for it."""
        while True:
            self._compact_due.wait()
            if self._closing.is_set():
                return
            self._compact_due.clear()
            for table in CORE:
                self._compact(table)

    def _compact(self, table: str, *, is_last: bool = False) -> None:
        try:
            compact(
                self._store,
                self._sweep,
                table,
                growing=self._segments[table].name,
                least=MAX_SEGMENTS,
                is_last=is_last,
            )
        except (OSError, pa.ArrowException, RaypgError) as cause:
            # The segments are still there and are read as they are.
            self._tell(f"{table}: not compacted: {cause}")

    def _tell(self, problem: str) -> None:
        line = " ".join(problem.split())[:300]
        if line in self._problems:
            return
        self._problems.append(line)
        if self._on_problem is not None:
            self._on_problem(line)
