"""Rows on their way into a sweep's tables: buffered, flushed by a thread."""

import threading
import time
import uuid
from collections.abc import Callable, Mapping

import pyarrow as pa

from raypg.errors import StoreError
from raypg.results.compact import compact
from raypg.results.read import newest_version
from raypg.results.schema import CORE, VERSION
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
        self._compacting: threading.Thread | None = None
        self._version = newest_version(store, sweep)
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._flush_for_ever, name=f"tables of {sweep}", daemon=True
        )
        self._thread.start()

    def append(self, table: str, row: Mapping[str, object]) -> None:
        """Add a row by dotted names; `sweep` is filled in.

        A row of `trials` is a new version of the trial: the newest wins, whole.
        """
        own: Row = {"sweep": self._sweep, **row}
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
        """Write what is left, let go of the sweep, and make its tables small.

        Raises:
            StoreError: Some rows could not be written; they are lost.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.set()
        self._thread.join()
        if self._compacting is not None:
            self._compacting.join()
        is_written = self.flush() or self.flush()
        for segment in self._segments.values():
            segment.close()
        if compact and is_written:
            for table in CORE:
                self._compact(table, everything=True)
        del self._lock
        if not is_written:
            num_lost = sum(len(rows) for rows in self._pending.values())
            where, fix = f"sweep {self._sweep}", "Free space, then --resume the sweep."
            found = f"{num_lost} rows that could not be ({self._problems[-1]})"
            raise StoreError(where, "all rows must be written", found, fix)

    def _flush_for_ever(self) -> None:
        backoff_s = self._flush_s
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(backoff_s)
            self._wake.clear()
            if self.flush():
                backoff_s = self._flush_s
            else:
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
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
            self._tell(f"{table}: {len(rows)} rows wait: {cause}")
            return False
        for fault in segment.faults:
            self._tell(fault)
        segment.faults.clear()
        if has_ended:
            self._compact_aside(table)
        return True

    def _compact_aside(self, table: str) -> None:
        """Merge ended segments in a thread, so that no flush waits for it."""
        if self._compacting is not None and self._compacting.is_alive():
            return
        self._compacting = threading.Thread(
            target=self._compact, args=[table], daemon=True
        )
        self._compacting.start()

    def _compact(self, table: str, *, everything: bool = False) -> None:
        try:
            spare = {self._segments[table].open_name}
            least = 1 if everything else MAX_SEGMENTS
            compact(
                self._store,
                self._sweep,
                table,
                spare=spare,
                least=least,
                everything=everything,
            )
        except (OSError, pa.ArrowException) as cause:
            # The segments are still there and are read as they are.
            self._tell(f"{table}: not compacted: {cause}")

    def _tell(self, problem: str) -> None:
        line = " ".join(problem.split())[:300]
        if line in self._problems[-3:]:
            return
        self._problems.append(line)
        if self._on_problem is not None:
            self._on_problem(line)
