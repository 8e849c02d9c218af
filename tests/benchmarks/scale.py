"""Many trials: what the driver takes and weighs, and what a slot and a restore cost.

SIMULATED are a thousand trials at once: their actors are objects in the driver's own
process that report at once, so that all that a driver does is there but the calls to
other processes, for ours and for bare Tune alike (`stand_ins`). Real are the slots, on
three raylets of this machine, and the tables and the resume, of trials that nobody
trained.

    python -m tests.benchmarks.scale [--only PART ...] [--large]

`--large` goes to 10,000 trials, and takes half an hour.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.booked_sweeps import measure_restore
from tests.benchmarks.goals import lone_row
from tests.benchmarks.nodes import cluster_of
from tests.benchmarks.pairs import measure_pairs
from tests.benchmarks.slot_processes import Slots, count_slots

NUM_NODES, CPUS_A_NODE = 3, 2
Rows = list[dict[str, object]]


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    num_live: int
    """Trials at once."""
    num_pairs: int
    epochs: int
    """Of the trials whose results are counted by the second."""
    num_ended: int
    """Trials in all, where the driver is weighed."""
    restores: Sequence[int]
    num_open: int
    """Trials under way with checkpoints, where they are restored."""


FULL = Sizes(1_000, 3, 10, 3_000, (1_000, 3_000), 300)
QUICK = Sizes(50, 1, 4, 1_000, (50,), 20)
LARGE = Sizes(1_000, 6, 100, 10_000, (1_000, 3_000, 10_000), 1_000)
STATE_MIB = 2
"""Of a checkpoint of a small network; DenseNet-40's with growth rate 12 has 12."""


def measure(quick: bool) -> Rows:
    """The rows of the table; `quick` measures too little to say anything."""
    sizes = QUICK if quick else FULL
    return [row for part in PARTS.values() for row in part(sizes)]


def _results(sizes: Sizes) -> Rows:
    """How fast results are taken while a thousand trials run, by ours and by Tune."""
    size = ["--trials", sizes.num_live, "--live", sizes.num_live]
    size += ["--epochs", sizes.epochs]
    weights: list[float] = []

    def ours() -> float:
        seen = _simulate(*size)
        weights.append(1024 * (seen["live_mib"] - seen["start_mib"]) / sizes.num_live)
        return float(seen["results_per_s"])

    pairs = measure_pairs(
        ours,
        lambda: float(_simulate(*size, "--bare")["results_per_s"]),
        sizes.num_pairs,
    )
    what = f"{sizes.num_live:,} trials at once"
    return [
        pairs.row(
            f"results a second of the driver, {what}: bare Tune",
            "results/s",
            ">= 0.9",
            f"SIMULATED actors; {sizes.epochs} epochs each",
        ),
        lone_row(
            f"driver's memory a live trial, {what}",
            weights[-1],
            "KiB",
            note="SIMULATED: with the stand-in of its actor",
        ),
    ]


def _weight(sizes: Sizes) -> Rows:
    """What the driver keeps of trials that have ended."""
    ours, bare = (
        _simulate("--trials", sizes.num_ended, "--live", 100, "--epochs", 1, *more)
        for more in ([], ["--bare"])
    )
    rows = []
    for mark, mib in ours["ended_mib"].items():
        kib = 1024 * (mib - ours["live_mib"]) / int(mark)
        peer = 1024 * (bare["ended_mib"][mark] - bare["live_mib"]) / int(mark)
        row = lone_row(
            f"driver's memory an ended trial, after {int(mark):,}: bare Tune",
            kib,
            "KiB",
            note=f"SIMULATED; {mib:.0f} MiB in all",
        )
        rows.append({**row, "peer": peer, "ratio": kib / peer})
    return rows


def _slots(sizes: Sizes) -> Rows:
    """Processes of a slot, and the nodes that they are on."""
    with cluster_of(NUM_NODES, CPUS_A_NODE) as nodes:
        room = NUM_NODES * CPUS_A_NODE
        one = count_slots(nodes, room, workers_per_trial=1)
        two = count_slots(nodes, room // 2, workers_per_trial=2)
    named: list[tuple[str, Slots]] = [("one worker", one), ("a group of two", two)]
    rows = []
    for name, slots in named:
        note = slots.told()
        processes, mib = slots.num_processes, slots.slot_mib
        rows.append(lone_row(f"processes a slot, {name}", processes, "", note=note))
        rows.append(lone_row(f"unique memory a slot, {name}", mib, "MiB"))
    for kind in ("trial actor", "Train controller"):
        most = max(two.places.get(kind, [0]))
        what = f"{kind}s of {two.num} groups, most on one of {NUM_NODES} nodes"
        rows.append(lone_row(what, most, ""))
    return rows


def _restore(sizes: Sizes) -> Rows:
    """How long a resume of a sweep with so many ended trials takes, and its tables."""
    rows = []
    for num_trials in sizes.restores:
        found = measure_restore(num_trials, num_epochs=100)
        what = f"{num_trials:,} ended trials of 100 epochs"
        rows.append(lone_row(f"resume of {what}", found.resume_s, "s", note=found.note))
        rows.append(lone_row(f"tables of {what}", found.tables_mib, "MiB"))
    found = measure_restore(
        0, num_epochs=100, num_open=sizes.num_open, state_bytes=STATE_MIB * 2**20
    )
    what = f"resume with {sizes.num_open:,} trials under way"
    note = f"two checkpoints of {STATE_MIB} MiB each; {found.note}"
    return [*rows, lone_row(what, found.resume_s, "s", note=note)]


def _simulate(*options: object) -> dict[str, Any]:
    """One sweep of stand-ins, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.simulated_sweep"]
    done = subprocess.run(
        [*command, *map(str, options)], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


PARTS: dict[str, Callable[[Sizes], Rows]] = {
    "results": _results,
    "weight": _weight,
    "slots": _slots,
    "restore": _restore,
}


def main() -> None:
    """Measure some parts, by themselves."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--large", action="store_true", help="to 10,000 trials")
    options = parser.parse_args()
    for name in options.only:
        for line in PARTS[name](LARGE if options.large else FULL):
            print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
