"""One sweep by the real command, struck at a stated moment, and gone on with."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from raypg.results import open_results
from raypg.store import Store
from tests.benchmarks.machine import cpu_of_others, reap_orphans
from tests.benchmarks.stages import Condition, Stage
from tests.benchmarks.watched_tune import Note, Orders, read_notes
from tests.cluster.calm import Curves, curves
from tests.cluster.processes import plain_environment, trial_processes, wait_until

NAME = "space"
WIDTHS = (240, 256)
SPACE = f"""from raypg import Ablation

SPACE = Ablation(
    base={{"model.name": "mlp", "train.epochs": 40, "train.batch_size": 4,
          "optimizer.lr": 0.01}},
    axes={{"model.hidden": {list(WIDTHS)}}},
)
"""
"""Two trials of epochs that take a quarter of a second each, on digits."""

LIMIT_S = 300
"""Of what is over much sooner."""


class Driver:
    """One command under way, and what it says."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.started, self.ended = time.monotonic(), 0.0
        self._process = process
        self._log = log

    @property
    def said(self) -> str:
        """On standard error, so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._process.kill()
        self.wait()

    def wait(self) -> int:
        """For its end; its exit code."""
        code = self._process.wait(timeout=LIMIT_S)
        self.ended = self.ended or time.monotonic()
        return code


@dataclass(frozen=True)
class Outcome:
    """What came of a sweep.

    Attributes:
        wall_s: during which a command of it ran.
        codes: exit codes of its commands.
        notes: every report that its drivers were told of.
        curves: its table `epochs`, trial by trial.
        again: trial, attempt and first epoch of each attempt but a trial's first.
        said: by its commands.
        began: when the first command did, by `time.monotonic`.
        struck: when the fault was; 0 for none.
        others: CPU cores that other processes took meanwhile.
    """

    wall_s: float
    codes: Sequence[int]
    notes: Sequence[Note]
    curves: Curves
    again: Sequence[tuple[str, int, int]]
    said: str
    began: float
    struck: float
    others: float

    @property
    def num_twice(self) -> int:
        """Epochs that were trained, and then trained again."""
        return len(self.notes) - len({(n.trial, n.epoch) for n in self.notes})

    @cached_property
    def reached(self) -> dict[str, int]:
        """By trial, how far it was when the fault came; not those yet to begin."""
        before = [note for note in self.notes if note.at <= self.struck]
        return {
            n.trial: max(m.epoch for m in before if m.trial == n.trial) for n in before
        }

    @property
    def further_s(self) -> float:
        """From the fault until each trial that was under way was further than then."""
        moments = {}
        for note in reversed(self.notes):
            if note.epoch > self.reached.get(note.trial, sys.maxsize):
                moments[note.trial] = note.at - self.struck
        return max(moments.values(), default=0.0)


class StruckSweep:
    """Starts, strikes and resumes one sweep on its stage; a context that ends it all.

    Args:
        condition: how it runs.
        stage: where.
    """

    def __init__(self, condition: Condition[Any], stage: Stage[Any]) -> None:
        self.drivers: list[Driver] = []
        self.struck = 0.0
        self._stage = stage
        self._condition = condition
        self._others = cpu_of_others()
        notes = str(stage.folder / "notes")
        self._orders = Orders(notes, is_faulty=condition.is_faulty)
        (stage.folder / f"{NAME}.py").write_text(SPACE)

    def __enter__(self) -> "StruckSweep":
        return self

    def __exit__(self, *_: object) -> None:
        for driver in self.drivers:
            driver.kill()
        self.wait_until_none_trains()

    @property
    def notes(self) -> list[Note]:
        """What its drivers have been told of so far."""
        return read_notes(Path(self._orders.notes))

    def start(self, **orders: float) -> Driver:
        """The command that starts it, under these orders."""
        every = ("--checkpoint-every", "1")
        place = self._stage.address
        return self._run(
            (f"{NAME}.py", *every, *self._condition.options, *place), orders
        )

    def resume(self, *more: str, **orders: float) -> Driver:
        """The command that goes on with it, in a cluster of its own."""
        return self._run(("--resume", NAME, *more), orders)

    def strike(self, fault: Callable[[], object], **orders: float) -> Driver:
        """Start it, and once it is under way make the fault; the driver it befell."""
        driver = self.start(**orders)
        wait_until(lambda: len(self.notes) >= self._condition.strike_after, LIMIT_S)
        self.note_strike()
        fault()
        return driver

    def note_strike(self) -> None:
        """The fault comes now."""
        self.struck = time.monotonic()

    def wait_until_none_trains(self) -> None:
        """For the end of all trials' processes, once their drivers have ended."""
        own = {driver.pid for driver in self.drivers}

        def is_over() -> bool:
            reap_orphans(own)
            return not trial_processes()

        wait_until(is_over)

    def has_said(self, part: str) -> bool:
        """Whether one of its commands has."""
        return any(part in driver.said for driver in self.drivers)

    def outcome(self) -> Outcome:
        """Wait for all its commands, and look at what they leave."""
        codes = [driver.wait() for driver in self.drivers]
        wall_s = _covered([(d.started, d.ended) for d in self.drivers])
        others = max(0.0, cpu_of_others() - self._others) / wall_s
        store = Store(self._stage.store)
        again = open_results(store).sql(
            "select trial, attempt, min(epoch) as first from epochs"
            " where attempt > 0 group by all order by all",
            sweeps=[NAME],
        )
        return Outcome(
            wall_s=wall_s,
            codes=codes,
            notes=self.notes,
            curves=curves(store, NAME),
            again=[tuple(row.values()) for row in again.to_pylist()],
            said="\n".join(driver.said for driver in self.drivers),
            began=self.drivers[0].started,
            struck=self.struck,
            others=others,
        )

    def _run(self, arguments: Sequence[str], orders: dict[str, float]) -> Driver:
        log = self._stage.folder / f"said-{len(self.drivers)}"
        told = replace(self._orders, **orders)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "tests.benchmarks.watched_tune", *arguments]
        environment = {
            **plain_environment(),
            **self._stage.environment,
            **told.environment(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "XDG_STATE_HOME": str(self._stage.folder / "state"),
        }
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--store", self._stage.store],
                cwd=self._stage.folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=file,
                process_group=0,
            )
        self.drivers.append(Driver(process, log))
        return self.drivers[-1]


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds within at least one of the spans, which are in order of their starts."""
    covered, until = 0.0, 0.0
    for start, end in spans:
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
