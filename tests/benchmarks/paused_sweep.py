"""A sweep of one long trial whose worker stands still while its peer is measured.

The clock of a shared machine changes by a third within seconds, so that neighbours in
time must be near: some epochs of ours, some of the peer's, and so on. The worker is
paused by SIGSTOP; the driver and Ray's daemons have caught up before the peer begins.
"""

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from raypg.results import open_results
from raypg.store import Store
from tests.benchmarks.sweeps import start

CATCH_UP_S = 0.8
"""More than the half second after which rows are on disk."""

START_S = 60.0
END_S = 60.0


class PausedSweep:
    """The running sweep `space`, standing still but while it is asked for its rate."""

    def __init__(self, store: Path, worker: psutil.Process) -> None:
        self._results = open_results(Store(str(store)))
        self._worker = worker

    def epochs_a_second(self, seconds: float) -> float:
        """Let it train for so long; its rate over the whole epochs of that span.

        Where something else had the cores and no two epochs ended, for twice as long.
        """
        for span_s in (seconds, 2 * seconds, 4 * seconds):
            ends = self._epoch_ends(span_s)
            if len(ends) > 1:
                return (len(ends) - 1) / (ends[-1] - ends[0])
        raise TimeoutError(f"the trial ended {len(ends)} epochs in {span_s:.0f} s")

    def _epoch_ends(self, seconds: float) -> list[float]:
        """When epochs ended, in seconds since 1970, while it trained for so long."""
        time.sleep(CATCH_UP_S)  # as before the peer: a core that rested is faster
        started = time.time()
        self._worker.resume()
        time.sleep(seconds)
        self._worker.suspend()
        ended = time.time()
        time.sleep(CATCH_UP_S)
        rows = self._results.epochs("space")
        moments: list[float] = sorted(row["time"].timestamp() for row in rows)
        return [moment for moment in moments if started < moment < ended]


@contextmanager
def paused_sweep(space: str, *options: str) -> Iterator[PausedSweep]:
    """Start `python -m raypg.tune`, and hold its only trial once it trains."""
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        file, store = Path(folder, "space.py"), Path(folder, "runs")
        file.write_text(f"from raypg import Ablation\n\n{space}\n")
        command = ["raypg.tune", str(file), "--store", str(store), *options]
        with start(command, Path(folder, "log")) as process:
            try:
                worker = _training_worker(process.pid, store)
                worker.suspend()
                try:
                    time.sleep(CATCH_UP_S)
                    yield PausedSweep(store, worker)
                finally:
                    worker.resume()
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(END_S)


def _training_worker(driver: int, store: Path) -> psutil.Process:
    """The trial actor, once its first epoch is in the table."""
    deadline = time.monotonic() + START_S
    table = store / "space/tables/epochs"
    while not any(path.stat().st_size for path in table.glob("*.arrows")):
        if time.monotonic() > deadline:
            raise TimeoutError("the sweep has no epoch yet")
        time.sleep(0.1)
    for process in psutil.Process(driver).children(recursive=True):
        if "Trainable" in " ".join(process.cmdline()):
            return process
    raise RuntimeError("the sweep has no trial actor")
