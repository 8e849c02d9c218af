"""Sweeps that are in the books without anyone having trained, and their resume.

All is real but Tune, Ray and the training: proposals, ledger, tables, description. One
trial is left under way, as where a driver was killed.
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


def measure_restore(num_trials: int, num_epochs: int) -> Restore:
    """Book a sweep, then resume it up to where its last trial would go on."""
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as name:
        folder = Path(name)
        space = folder / "space.py"
        base = {"model.name": "mlp", "train.epochs": num_epochs}
        text = f"SPACE = Ablation(base={base}, axes={AXES}, seeds={num_trials + 1})"
        space.write_text(f"from raypg import Ablation\n\n{text}\n")
        options = Options(store=str(folder / "runs"))
        begun: list[float] = []
        weights = [unique_mib()]

        def book(launch: Launch, ledger: Ledger, ending: Ending) -> None:
            begun.append(time.perf_counter())
            for _ in range(num_trials):
                _book_trial(ledger, num_epochs)
            entry = ledger.next_entry()
            assert entry is not None
            ledger.start(entry)

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


def _without_ray() -> contextlib.AbstractContextManager[object]:
    """No trial is run: no cluster is needed."""
    return mock.patch.object(sweep, "connect_for")
