"""Sweeps that are in the books without anyone having trained, and their resume.

All is real but Tune, Ray and the training: proposals, ledger, tables, description. One
trial is left under way, or many with checkpoints, as where a driver was killed.
"""

import contextlib
import io
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from raypg.cluster import sweep
from raypg.cluster.driver import Launch
from raypg.cluster.ending import Ending
from raypg.cluster.prepare import Options
from raypg.ledger import Ledger
from raypg.store import Store
from raypg.training.state import INDEX_FILE, STATE_FILE, build_index
from tests.benchmarks.driver import AXES, METRICS
from tests.benchmarks.machine import unique_mib


@dataclass(frozen=True)
class Restore:
    """What a resume took.

    Attributes:
        start_s: the call that made the sweep until its first trial could start.
        resume_s: the call until the first trial could go on.
        added_mib: unique memory that the resume added, when the trial could go on.
        tables_mib: of the compacted tables on disk.
    """

    start_s: float
    resume_s: float
    added_mib: float
    tables_mib: float

    @property
    def note(self) -> str:
        """What a reader of the table wants to know beside the seconds."""
        return f"{self.start_s:.1f} s to start it; {self.added_mib:.0f} MiB more"


def measure_restore(
    num_trials: int, num_epochs: int, *, num_open: int = 1, state_bytes: int = 0
) -> Restore:
    """Book a sweep, then resume it up to where its trials under way would go on.

    Args:
        num_trials: that have ended.
        num_epochs: of each.
        num_open: trials under way.
        state_bytes: of each of their two checkpoints; 0: they have none.
    """
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as name:
        folder = Path(name)
        space = folder / "space.py"
        base = {"model.name": "mlp", "train.epochs": num_epochs}
        text = (
            f"SPACE = Ablation(base={base}, axes={AXES}, seeds={num_trials + num_open})"
        )
        space.write_text(f"from raypg import Ablation\n\n{text}\n")
        options = Options(store=str(folder / "runs"))
        begun: list[float] = []
        weights = [unique_mib()]

        def book(launch: Launch, ledger: Ledger, ending: Ending) -> None:
            begun.append(time.perf_counter())
            for _ in range(num_trials):
                _book_trial(ledger, num_epochs)
            for _ in range(num_open):
                entry = ledger.next_entry()
                assert entry is not None
                ledger.start(entry)
                if state_bytes:
                    _save_twice(launch.store, entry.trial.key, state_bytes)

        def begin(launch: Launch, ledger: Ledger, ending: Ending) -> None:
            begun.append(time.perf_counter())
            weights.append(unique_mib())

        asked = [time.perf_counter()]
        with _without_ray(), contextlib.redirect_stderr(io.StringIO()):
            with mock.patch.object(sweep, "run_sweep", book):
                sweep.start_sweep(str(space), [], options)
            weights[0] = unique_mib()
            asked.append(time.perf_counter())
            with mock.patch.object(sweep, "run_sweep", begin):
                sweep.resume_sweep("space", options)
        tables = (folder / "runs" / "space" / "tables").rglob("*.parquet")
        size = sum(path.stat().st_size for path in tables)
        start_s, resume_s = (b - a for a, b in zip(asked, begun, strict=True))
        return Restore(start_s, resume_s, weights[1] - weights[0], size / 2**20)


def _book_trial(ledger: Ledger, num_epochs: int) -> None:
    entry = ledger.next_entry()
    assert entry is not None
    ledger.start(entry)
    for epoch in range(1, num_epochs + 1):
        # Random: equal numbers would take no room in the tables.
        metrics = {name: random.random() for name in METRICS}
        ledger.report(entry, epoch, {**metrics, "time": time.time()})
    ledger.end(entry, "completed")


def _save_twice(store: Store, trial: str, size_bytes: int) -> None:
    """The checkpoints that a trial under way has, of what no one could go on from."""
    data = random.randbytes(size_bytes)
    for number in range(2):
        folder = f"space/checkpoints/{trial}/checkpoint_{number:06d}"
        store.write_whole(f"{folder}/{STATE_FILE}", data)
        store.write_whole(f"{folder}/{INDEX_FILE}", build_index(data, 1).encode())


def _without_ray() -> contextlib.AbstractContextManager[object]:
    """No trial is run: no cluster is needed."""
    return mock.patch.object(sweep, "connect_for")
