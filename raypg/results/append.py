"""Rows on their way into a sweep's tables: buffered, flushed by a thread."""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress

import pyarrow as pa

from raypg.errors import RaypgError, StoreError
from raypg.results.columns import CORE, VERSION, WRITE_ORDER
from raypg.results.compact import compact
from raypg.results.kept import drop_kept, keep_rows, kept_folder
from raypg.results.listing import keep_line
from raypg.results.read import check_trials, newest_version
from raypg.results.segments import SegmentWriter
from raypg.store import Store, ignore

LOCAL_FLUSH_S = 0.5
BUCKET_FLUSH_S = 4.0
MAX_BACKOFF_S = 30.0
MAX_SEGMENTS = 32
PATIENCE_S = 3600.0
"""A store that takes no row for so long is given up, and its sweep ends."""
CLOSE_PATIENCE_S = 60.0
"""The same, once a sweep has ended: whoever waits may be killed."""

Row = dict[str, object]


class SweepWriter:
    """The one writer of a sweep's tables; `append` costs microseconds, never raises.

    A daemon thread writes what was appended within a second (five on a bucket), and
    what it wrote survives SIGKILL. When the store fails it keeps the rows and tries
    again, more and more seldom; when it is out of patience the sweep is to end.

    Args:
        store: where the sweep lives.
        sweep: its name; the sweep exists.
        on_problem: told each problem as one line, from the daemon thread.
        on_failure: told as one line why the sweep can go on no more, from a thread:
            another process writes it, or its store is gone.

    Raises:
        StoreError: Another process writes this sweep.
        ResultsError: Trials of it are lost in a damaged file.
    """

    def __init__(
        self,
        store: Store,
        sweep: str,
        *,
        on_problem: Callable[[str], None] = ignore,
        on_failure: Callable[[str], None] = ignore,
    ) -> None:
        self._store = store
        self._sweep = sweep
        self._on_problem = on_problem
        self._on_failure = on_failure
        self._problems: list[str] = []
        self._lock = store.lock_sweep(sweep, tell=on_problem, on_loss=on_failure)
        try:
            check_trials(store, sweep)
            self._version = newest_version(store, sweep)
        except BaseException:
            self._lock.close()
            raise
        self._flush_s = LOCAL_FLUSH_S if store.is_local else BUCKET_FLUSH_S
        writer = f"{time.time_ns():x}-{uuid.uuid4().hex[:4]}"
        self._segments = {t: SegmentWriter(store, sweep, t, writer) for t in CORE}
        self._pending: dict[str, list[Row]] = {table: [] for table in CORE}
        self._pending_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._num_trial_rows = 0
        self._is_lost = False
        self._cause = ""
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
        """Write everything appended so far, now; whether all of it was written.

        That is never so for a process that holds the sweep no more. Rows of `trials`
        come last, and wait for all others that were appended before them: no death in
        between leaves a completed trial without its epochs or its test.
        """
        with self._write_lock:
            return self._may_write() and self._flush()

    def close(self, *, compact: bool = True) -> None:
        """Write what is left, make the tables small, and let go of the sweep.

        Raises:
            StoreError: Some rows could not be written; says where they are kept.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake.set()
        self._compact_due.set()
        for thread in self._threads:
            thread.join()
        try:
            failure = None if self.flush() else self._insist()
            for segment in self._segments.values():
                segment.close()
            if compact and failure is None:
                for table in CORE:
                    self._compact(table, is_last=True)
                self._keep_line()
        finally:
            self._lock.close()
        if failure is not None:
            raise failure

    def _insist(self) -> StoreError | None:
        """Keep what is left on this machine, and try for a while; why it was in vain.

        Kept first: whoever waits may be killed.
        """
        rows = {table: list(own) for table, own in self._pending.items()}
        if not (num_rows := sum(map(len, rows.values()))):
            return None
        folder = kept_folder(self._store, self._sweep)
        try:
            keep_rows(self._store, self._sweep, rows)
        except (OSError, pa.ArrowException) as cause:
            kept = f"are lost, as {folder} takes none either ({cause})"
            fix = "Free space, then go on with --resume."
        else:
            kept = f"are kept in {folder}"
            fix = "With --resume, on this machine, they are taken in."
        if not self._is_lost:
            wait = f"trying for {CLOSE_PATIENCE_S:.0f} s to write them"
            self._on_problem(f"{num_rows} rows {kept}; {wait}")
        with suppress(KeyboardInterrupt):
            if self._is_written_within(CLOSE_PATIENCE_S):
                drop_kept(self._store, self._sweep)
                return None
        found = f"{num_rows} rows that could not be ({self._cause}) and {kept}"
        return StoreError(f"sweep {self._sweep}", "all must be written", found, fix)

    def _is_written_within(self, patience_s: float) -> bool:
        wait_s, until = self._flush_s, time.monotonic() + patience_s
        while time.monotonic() < until and not self._is_lost:
            time.sleep(min(wait_s, max(0.0, until - time.monotonic())))
            if self.flush():
                return True
            wait_s = min(2 * wait_s, MAX_BACKOFF_S)
        return False

    def _keep_flushing(self) -> None:
        wait_s, failing_since = self._flush_s, 0.0
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(wait_s)
            self._wake.clear()
            if self.flush():
                if failing_since:
                    self._on_problem("rows are written again")
                wait_s, failing_since = self._flush_s, 0.0
                continue
            wait_s = min(2 * wait_s, MAX_BACKOFF_S)
            self._wake.set()
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > PATIENCE_S:
                minutes = f"{PATIENCE_S / 60:.0f} minutes"
                self._on_failure(
                    f"no row could be written for {minutes}: {self._cause}"
                )
                failing_since = 0.0

    def _may_write(self) -> bool:
        """Whether the sweep is still this process's, as far as the store tells."""
        try:
            self._is_lost = not self._lock.is_held()
        except OSError as cause:
            self._note_failure(f"rows wait to be written: {cause}")
            return False
        if self._is_lost:
            self._cause = "another process writes it"
        return not self._is_lost

    def _note_failure(self, problem: str) -> None:
        self._cause = " ".join(problem.split())[:300]
        self._tell(problem)

    def _flush(self) -> bool:
        with self._pending_lock:
            cut, self._pending = self._pending, {table: [] for table in CORE}
        try:
            others = [self._write(t, cut.pop(t)) for t in WRITE_ORDER[:-1]]
            return all(others) and self._write("trials", cut.pop("trials"))
        finally:  # a Ctrl-C, too, leaves all to the next turn that it came before
            for table, rows in cut.items():
                self._put_back(table, rows)

    def _put_back(self, table: str, rows: list[Row]) -> None:
        """Let rows wait that were not written, before those that came since."""
        with self._pending_lock:
            self._pending[table] = rows + self._pending[table]

    def _write(self, table: str, rows: list[Row]) -> bool:
        if not rows:
            return True
        segment = self._segments[table]
        try:
            has_ended = segment.append(rows)
        except (OSError, pa.ArrowException) as cause:
            self._put_back(table, rows)
            self._note_failure(f"{table}: rows wait to be written: {cause}")
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
                may_write=self._lock.is_held,
            )
        except (OSError, pa.ArrowException, RaypgError) as cause:
            # The segments are still there and are read as they are.
            self._tell(f"{table}: not compacted: {cause}")

    def _keep_line(self) -> None:
        with suppress(OSError, pa.ArrowException, RaypgError):  # it is read without
            if self._lock.is_held():
                keep_line(self._store, self._sweep)

    def _tell(self, problem: str) -> None:
        line = " ".join(problem.split())[:300]
        if line in self._problems:
            return
        self._problems.append(line)
        self._on_problem(line)
