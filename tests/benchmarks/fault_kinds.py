"""The faults that a sweep is to survive: where each comes, and how it is made."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic

from raypg import lease
from raypg.cluster import head, pulse
from tests.benchmarks.nodes import Nodes
from tests.benchmarks.stages import (
    Condition,
    Prop,
    bucket,
    joined_cluster,
    own_machine,
    small_disk,
    two_nodes,
)
from tests.benchmarks.struck_sweep import NAME, WIDTHS, StruckSweep
from tests.cluster.damage import flip_a_byte, tear_epochs
from tests.cluster.own_cluster import OwnCluster
from tests.cluster.processes import processes_named, wait_until
from tests.s3 import Cable
from tests.small_disk import SmallDisk

HANG_TIMEOUT_S = 4.0
"""For what hangs; by default it is ten minutes."""
STOP_LIMIT_S = HANG_TIMEOUT_S + 2 * pulse.LOOK_EVERY_S + pulse.GRACE_S
LIMIT_S = 120.0
"""Of what is over much sooner."""
CUT_S = 5.0
"""For which a store is out of reach."""
FULL_S = 3.0
"""For which a disk stays full once a driver has said so."""
PATIENCE_S = 3.0
"""With a store that is gone; by default an hour, and a minute at the end."""
CLOCK_BACK_S = 7200.0
WAITING = "rows wait to be written"
"""What a driver says whose store takes none."""


@dataclass(frozen=True)
class Fault(Generic[Prop]):
    """One row of the table.

    Attributes:
        condition: of its sweep.
        strike: runs the sweep and makes the fault; commands may be left to end.
        told: a pattern of what a command says of it; the match is shown.
        waits: by the limit's name, seconds that it has to wait for.
    """

    condition: Condition[Prop]
    strike: Callable[[StruckSweep, Prop], object]
    told: str = ""
    waits: Mapping[str, float] = field(default_factory=dict)


def _kill_one(part: str) -> Callable[[StruckSweep, object], object]:
    """SIGKILL of a process with such a title."""
    return lambda sweep, _: sweep.strike(lambda: processes_named(part)[0].kill())


def _stop_actor(sweep: StruckSweep, _: object) -> None:
    sweep.strike(lambda: processes_named("Trainable")[0].suspend())


def _kill_driver(sweep: StruckSweep, _: object, **orders: float) -> None:
    sweep.strike(lambda: sweep.drivers[0].kill())
    sweep.resume(**orders)


def _kill_driver_and(
    damage: Callable[[Path], None],
) -> Callable[[StruckSweep, Path], object]:
    """Leave its files to a disk that damages one."""

    def strike(sweep: StruckSweep, folder: Path) -> None:
        sweep.strike(lambda: sweep.drivers[0].kill())
        sweep.wait_until_none_trains()  # it may write a checkpoint
        damage(folder / "runs" / NAME)
        sweep.resume()

    return strike


def _cut_power(sweep: StruckSweep, nodes: Nodes) -> None:
    def cut() -> None:
        trains = (one for one in nodes.workers if nodes.processes(one, "Trainable"))
        nodes.cut_power(next(trains))

    sweep.strike(cut)


def _lose_head(sweep: StruckSweep, own: OwnCluster) -> None:
    def kill() -> None:
        for pid in (own.gcs_server, own.raylet):
            os.kill(pid, signal.SIGKILL)

    sweep.strike(kill).wait()
    sweep.resume()


def _break_worker(sweep: StruckSweep, folder: Path, how: str) -> None:
    """Have the network of one trial fail in its second epoch, once."""
    marker = folder / "faults" / str(WIDTHS[0])
    marker.parent.mkdir()
    marker.write_text(f"{how} once")
    sweep.start()
    wait_until(lambda: not marker.exists())
    sweep.note_strike()


def _run_out_of_memory(sweep: StruckSweep, folder: Path) -> None:
    _break_worker(sweep, folder, "out_of_memory")
    sweep.drivers[0].wait()
    sweep.resume("--retry-failed", "out_of_memory")


def _fill(sweep: StruckSweep, disk: SmallDisk) -> None:
    """Leave room for tables alone, for good."""
    sweep.strike(partial(disk.fill, free_bytes=300_000))


def _fill_for_a_while(sweep: StruckSweep, disk: SmallDisk) -> None:
    """Whatever a checkpoint that goes leaves room for is filled, too."""

    def is_felt() -> bool:
        disk.fill()
        return sweep.has_said(WAITING)

    sweep.strike(disk.fill)
    wait_until(is_felt, LIMIT_S)
    time.sleep(FULL_S)
    disk.free()


def _cut_for_a_while(sweep: StruckSweep, cable: Cable, *, hangs: bool) -> None:
    sweep.strike(partial(cable.cut, hangs=hangs))
    time.sleep(CUT_S)
    cable.mend()


def _cut_for_good(sweep: StruckSweep, cable: Cable) -> None:
    """The driver gives up; a person mends the cable and goes on."""
    sweep.strike(cable.cut, patience_s=PATIENCE_S).wait()
    cable.mend()
    sweep.resume()


def _start_second(sweep: StruckSweep, _: object) -> None:
    sweep.strike(sweep.resume)


ALONE = Condition("one worker a trial", own_machine)
GROUPS = Condition(
    "groups of two",
    own_machine,
    ("--workers-per-trial", "2", "--max-concurrent", "1", "train.epochs=20"),
    strike_after=8,
)
IMPATIENT = Condition(
    f"--hang-timeout {HANG_TIMEOUT_S:.0f}",
    own_machine,
    ("--hang-timeout", str(HANG_TIMEOUT_S)),
    is_faulty=True,
)
NODES = Condition(
    "two nodes, one is free",
    two_nodes,
    ("--max-concurrent", "1", "train.epochs=30"),
    strike_after=8,
)
JOINED = Condition("a joined cluster", joined_cluster)
DISK = Condition("a small disk", small_disk)
BUCKET = Condition("a bucket", bucket)

LEASE = {"the lease's window": lease.WINDOW_S}
REFUSED = "must be written by one process"

FAULTS: dict[str, Fault[Any]] = {
    "actor-killed": Fault(ALONE, _kill_one("Trainable")),
    "driver-killed": Fault(ALONE, _kill_driver),
    "checkpoint-corrupted": Fault(
        ALONE, _kill_driver_and(flip_a_byte), told=r"state\.pt must have[^.;]*"
    ),
    "table-truncated": Fault(
        ALONE, _kill_driver_and(tear_epochs), told=r"\d+ bytes are torn and left out"
    ),
    "clock-back": Fault(ALONE, partial(_kill_driver, clock_s=-CLOCK_BACK_S)),
    "second-driver": Fault(ALONE, _start_second, told=REFUSED),
    "worker-of-two-killed": Fault(GROUPS, _kill_one("RayTrainWorker")),
    "actor-of-group-killed": Fault(GROUPS, _kill_one("Trainable")),
    "worker-hangs": Fault(
        IMPATIENT,
        partial(_break_worker, how="hang"),
        waits={"--hang-timeout": HANG_TIMEOUT_S, "its last words": pulse.GRACE_S},
    ),
    "worker-stopped": Fault(
        IMPATIENT, _stop_actor, waits={"the kernel's timer": STOP_LIMIT_S}
    ),
    "out-of-memory": Fault(
        IMPATIENT, _run_out_of_memory, told=r"failed trials that run again: \d+"
    ),
    "node-killed": Fault(NODES, _cut_power),
    "head-killed": Fault(
        JOINED,
        _lose_head,
        told=r"no answer from Ray at \S+ for \d+ s",
        waits={"the head's silence": head.LOST_S},
    ),
    "disk-full-checkpoint": Fault(DISK, _fill, told=r"epoch \d+ has no checkpoint"),
    "disk-full-table": Fault(DISK, _fill_for_a_while, told=WAITING),
    "store-refuses": Fault(
        BUCKET, partial(_cut_for_a_while, hangs=False), told=WAITING
    ),
    "store-hangs": Fault(BUCKET, partial(_cut_for_a_while, hangs=True)),
    "store-gone": Fault(
        BUCKET,
        _cut_for_good,
        told=r"rows taken in that were kept on this machine: \d+",
        waits={"patience, twice": 2 * PATIENCE_S, **LEASE},
    ),
    "driver-killed-bucket": Fault(BUCKET, _kill_driver, waits=LEASE),
    "second-driver-bucket": Fault(BUCKET, _start_second, told=REFUSED),
}
"""By the name that `--only` takes; those of one condition stand together."""
