"""How much of a sweep's time is training: raypg, and the same loops run bare.

Trials of some 4 s on one thread (DenseNet-22, growth 4, digits, fp32), as many at once
as there are cores. Bare: a process a slot, which has imported everything and trained a
small network, runs a plain loop (`bare_loop`) over its share of the trials. Ours:
`python -m raypg.tune` with everything on, all its processes included. The two take
turns of a few seconds (`families`), and what counts is epochs a second of all slots,
over whatever lies between and beside them: ends and starts of trials, tests, reports,
tables, checkpoints.

What was found with a CPU time for every process (two cores, two slots, 40 s, 80 s in
all): trial actors 77.6 s, of which their other threads 0.4 s; driver 0.7 to 1.0 s,
nearly all of it Tune's own loop; Ray's daemons 0.6 s. They took 1.2 s while they also
ran an autoscaler, a reader of logs, a dashboard's server and metrics, which a sweep
alone on its machine has no use for. The bare loops have the cores for themselves. Alone
on a core, a trial takes 1 to 1.5 % more than the bare loop: it counts right answers in
training, and keeps predictions.

    python -m tests.benchmarks.efficiency
"""

import json
import math
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from raypg.results import open_results
from tests.benchmarks.bare_loop import Span, train_all, warm_up
from tests.benchmarks.families import Family, work_of_turns
from tests.benchmarks.machine import cpu_of_others
from tests.benchmarks.pairs import OTHERS_LIMIT, Pairs
from tests.benchmarks.sweeps import start

NUM_SLOTS = os.cpu_count() or 1
BASE = {"model.name": "densenet", "model.growth_rate": 4, "model.depth": 22}
START_S = 60.0
END_S = 60.0


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_rounds: int
    trials_per_slot: int
    epochs: int
    turn_s: float


FULL = Sizes(2, 10, 10, 3.0)
QUICK = Sizes(1, 5, 2, 0.3)


def measure(quick: bool) -> list[dict[str, object]]:
    """The row of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    turns = [turn for _ in range(sizes.num_rounds) for turn in _round(sizes)]
    calm = [turn for turn in turns if not turn.is_disturbed]
    kept = calm if 2 * len(calm) >= len(turns) else turns
    pairs = Pairs(
        tuple(turn.ours for turn in kept),
        tuple(turn.bare for turn in kept),
        sum(turn.is_disturbed for turn in kept),
    )
    seconds = sizes.epochs * NUM_SLOTS / median(pairs.peer)
    return [
        pairs.row(
            "sweep efficiency: ours ÷ the same loops bare, after the workers' start",
            "epochs/s of all slots",
            ">= 0.95",
            f"bare: {seconds:.1f} s a trial; {NUM_SLOTS} slots, turns of "
            f"{sizes.turn_s:g} s of {sizes.num_rounds} sweeps",
        )
    ]


@dataclass(frozen=True)
class _Turn:
    """Epochs a second of all slots, in a turn of ours and the bare one after it."""

    ours: float
    bare: float
    is_disturbed: bool


def _round(sizes: Sizes) -> list[_Turn]:
    """The turns in which all slots of both were at work."""
    base = {**BASE, "train.epochs": sizes.epochs}
    num_trials = NUM_SLOTS * sizes.trials_per_slot
    overrides = [f"{name}={value}" for name, value in base.items()]
    trials = [[*overrides, f"seed={seed}"] for seed in range(num_trials)]
    shares = [trials[slot::NUM_SLOTS] for slot in range(NUM_SLOTS)]
    axes = {"optimizer.lr": [0.1]}
    space = f"SPACE = Ablation(base={base}, axes={axes}, seeds={num_trials})"
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        with (
            _sweep(space, Path(folder)) as ours,
            _bare_slots(shares) as (bare, ends),
        ):
            disturbed = _take_turns(ours, bare, ends, sizes.turn_s)
            bare.go_on()
            bare_slots = [_received(end).ends for end in ends]
        our_slots = _slots_of(Path(folder))
    rates = zip(
        work_of_turns(ours.turns, our_slots),
        work_of_turns(bare.turns, bare_slots),
        strict=True,
    )
    return [
        _Turn(*rate, is_disturbed=one)
        for rate, one in zip(rates, disturbed, strict=True)
        if not math.isnan(sum(rate))
    ]


@contextmanager
def _sweep(space: str, folder: Path) -> Iterator[Family]:
    """A sweep that has trained its first epochs, standing still."""
    file, store = folder / "space.py", folder / "runs"
    file.write_text(f"from raypg import Ablation\n\n{space}\n")
    command = ["raypg.tune", str(file), "--store", str(store)]
    with start(command, folder / "log") as process:
        deadline = time.monotonic() + START_S
        table = store / "space/tables/epochs"
        while not any(path.stat().st_size for path in table.glob("*.arrows")):
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError("the sweep has no epoch yet")
            time.sleep(0.05)
        family = Family(process.pid)
        try:
            yield family
        finally:
            family.go_on()
            process.send_signal(signal.SIGINT)
            process.wait(END_S)


@contextmanager
def _bare_slots(
    shares: Sequence[Sequence[Sequence[str]]],
) -> Iterator[tuple[Family, list[Connection]]]:
    """Processes that train their shares, standing still; each sends its span."""
    context = multiprocessing.get_context("spawn")
    processes, ends = [], []
    for share in shares:
        end, other = context.Pipe()
        process = context.Process(target=_train_share, args=(share, other), daemon=True)
        process.start()
        processes.append(process)
        ends.append(end)
    for end in ends:
        end.recv()  # it is warm
    family = Family(*(process.pid for process in processes if process.pid))
    for end in ends:
        end.send("go")
    try:
        yield family, ends
    finally:
        for process in processes:
            process.kill()
            process.join()


def _train_share(share: Sequence[Sequence[str]], end: Connection) -> None:
    warm_up()
    end.send("warm")
    end.recv()
    end.send(train_all(share, num_threads=1))


def _received(end: Connection) -> Span:
    span: Span = end.recv()
    return span


def _take_turns(
    ours: Family, bare: Family, ends: Sequence[Connection], turn_s: float
) -> list[bool]:
    """Let both go on by turns until a bare slot has no trial left.

    Returns:
        Of each pair of turns, whether others took CPU.
    """
    disturbed = []
    while not any(end.poll() for end in ends):
        before, started = cpu_of_others(), time.perf_counter()
        ours.take_turn(turn_s)
        bare.take_turn(turn_s)
        capacity_s = (time.perf_counter() - started) * NUM_SLOTS
        disturbed.append(cpu_of_others() - before > OTHERS_LIMIT * capacity_s)
    return disturbed


def _slots_of(folder: Path) -> list[list[float]]:
    """The ends of the epochs of each of our slots, rising."""
    results = open_results(str(folder / "runs"))
    pids = {row["trial"]: row["pid"] for row in results.trials("space")}
    slots: dict[int, list[float]] = {}
    for row in results.epochs("space"):
        if pid := pids[row["trial"]]:
            slots.setdefault(pid, []).append(row["time"].timestamp())
    return [sorted(ends) for ends in slots.values()]


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
