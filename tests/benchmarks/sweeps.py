"""Whole commands that sweep, ours and the peers', timed from process start to exit."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from raypg.results import open_results
from raypg.store import Store
from tests.benchmarks.machine import ENVIRONMENT, NOTE_EVERY_S, note_processes

LOOK_EVERY_S = 0.02
LIMIT_S = 600


@dataclass(frozen=True)
class Run:
    """One command.

    Attributes:
        wall_s: process start to exit.
        first_row_s: process start until the first epoch could be read.
        ends_s: process start until the end of each trial, rising.
        train_s: seconds that a trial spent in its epochs, on the average.
    """

    wall_s: float
    first_row_s: float
    ends_s: list[float]
    train_s: float

    def cost_ms(self, first: int, num_slots: int) -> float:
        """Milliseconds that a trial takes beyond its training, after the `first`."""
        ends_s = self.ends_s[first - 1 :]
        margin_s = (ends_s[-1] - ends_s[0]) / (len(ends_s) - 1)
        return 1000 * (margin_s - self.train_s / num_slots)


def sweep(space: str, *options: str) -> Run:
    """`python -m raypg.tune`, as a user calls it, into a store of its own."""
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        file, store = Path(folder, "space.py"), Path(folder, "runs")
        file.write_text(f"from raypg import Ablation\n\n{space}\n")
        command = ["raypg.tune", str(file), "--store", str(store), *options]
        started = time.time()
        with start(command, Path(folder, "log")) as process:
            first_row = _wait_for_row(process, store / "space/tables/epochs")
            wall_s = _wait(process, started, Path(folder, "log"))
        results = open_results(Store(str(store)))
        rows = results.trials("space")
        return Run(
            wall_s,
            first_row - started,
            sorted(row["finished"].timestamp() - started for row in rows),
            mean(row["train_s"] for row in rows),
        )


def sweep_by_peer(module: str, *options: str) -> Run:
    """The same by Ray alone: `tune_peers` or `train_peer`."""
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        out = Path(folder, "moments.json")
        command = [f"tests.benchmarks.{module}", *options, "--out", str(out)]
        started = time.time()
        with start(command, Path(folder, "log")) as process:
            wall_s = _wait(process, started, Path(folder, "log"))
        moments = json.loads(out.read_text())
        return Run(
            wall_s,
            moments["first_row"] - started,
            sorted(end - started for end in moments["ends"]),
            mean(moments["train_s"]),
        )


def open_by_peer(num_trials: int, num_epochs: int) -> list[float]:
    """Milliseconds in which a `ResultGrid` of so many rows is opened and answers."""
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        out = Path(folder, "times.json")
        size = ["--trials", str(num_trials), "--epochs", str(num_epochs)]
        command = ["tests.benchmarks.result_grid", *size, "--out", str(out)]
        started = time.time()
        with start(command, Path(folder, "log")) as process:
            _wait(process, started, Path(folder, "log"))
        times: list[float] = json.loads(out.read_text())["milliseconds"]
        return times


def start(command: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a module of Python with its arguments; what it prints goes to `log`."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=file,
            stderr=file,
            env=ENVIRONMENT,
        )


def _wait_for_row(process: "subprocess.Popen[bytes]", table: Path) -> float:
    """When the first epoch was in the table, for everyone to read."""
    while process.poll() is None:
        if any(path.stat().st_size for path in table.glob("*.arrows")):
            break
        time.sleep(LOOK_EVERY_S)
    return time.time()


def _wait(process: "subprocess.Popen[bytes]", started: float, log: Path) -> float:
    """Seconds from `started` until the command has ended well."""
    while process.poll() is None:
        note_processes()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(NOTE_EVERY_S)
        if time.time() - started > LIMIT_S:
            process.terminate()
    if process.returncode:
        raise RuntimeError(f"{process.args!r} failed:\n{log.read_text()[-2000:]}")
    return time.time() - started
