"""What a slot takes on real nodes: its processes, their memory, and where they are.

A sweep that trains on all slots of a cluster while its processes are counted.
"""

import contextlib
import io
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from raypg.cluster import sweep
from raypg.cluster.ending import Ending
from raypg.cluster.prepare import Options
from raypg.ledger import Ledger
from tests.benchmarks.machine import unique_mib
from tests.benchmarks.monkey import TITLES
from tests.benchmarks.nodes import Nodes

LIMIT_S = 180
EPOCHS = 10_000
"""More than anyone waits for: the sweep is ended once it has been looked at."""


@dataclass
class Slots:
    """The processes of all slots at one moment, by their kind.

    Attributes:
        num: of slots.
        mib: unique memory of each process.
        places: how many there are on each node; the head, which has no CPUs, first.
    """

    num: int
    mib: dict[str, list[float]] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)

    @property
    def num_processes(self) -> float:
        """Of one slot."""
        return sum(map(len, self.mib.values())) / self.num

    @property
    def slot_mib(self) -> float:
        """Unique memory of one slot's processes."""
        return sum(map(sum, self.mib.values())) / self.num

    def told(self) -> str:
        """Every kind: how many, how large, where."""
        return "; ".join(
            f"{len(sizes)} {kind}s of {sum(sizes) / len(sizes):.0f} MiB on nodes"
            f" {'+'.join(map(str, self.places[kind]))}"
            for kind, sizes in self.mib.items()
        )


def count_slots(nodes: Nodes, num_slots: int, workers_per_trial: int) -> Slots:
    """Run a sweep until every slot trains, and look at what is there.

    Args:
        nodes: the cluster.
        num_slots: trials that it has room for at once.
        workers_per_trial: 1, or the size of the groups.
    """
    found: list[Slots] = []
    ending = Ending()
    reported: set[str] = set()

    def look() -> None:
        deadline = time.monotonic() + LIMIT_S
        while len(reported) < num_slots and time.monotonic() < deadline:
            time.sleep(0.1)
        found.append(_count(nodes, num_slots))
        ending.interrupt("counted")

    thread = threading.Thread(target=look)
    with _noted(reported), mock.patch.object(sweep, "Ending", return_value=ending):
        thread.start()
        _sweep(nodes, num_slots, workers_per_trial)
        thread.join()
    return found[0]


def _count(nodes: Nodes, num_slots: int) -> Slots:
    slots = Slots(num_slots)
    for kind, title in TITLES.items():
        by_node = [
            nodes.processes(node, title) for node in [nodes.head, *nodes.workers]
        ]
        if any(by_node):
            slots.places[kind] = list(map(len, by_node))
            slots.mib[kind] = [unique_mib(one) for some in by_node for one in some]
    return slots


@contextlib.contextmanager
def _noted(reported: set[str]) -> Iterator[None]:
    """Collect the trials that have reported an epoch."""
    report = Ledger.report

    def noted(self: Ledger, entry: Any, *more: Any) -> None:  # noqa: ANN401
        report(self, entry, *more)
        reported.add(entry.trial.key)

    with mock.patch.object(Ledger, "report", noted):
        yield


def _sweep(nodes: Nodes, num_trials: int, workers_per_trial: int) -> None:
    with tempfile.TemporaryDirectory(prefix="raypg-bench-") as folder:
        space = Path(folder, "space.py")
        base = {"model.name": "mlp", "train.epochs": EPOCHS}
        text = f"SPACE = Ablation(base={base}, axes={{'optimizer.lr': [0.01]}},"
        space.write_text(f"from raypg import Ablation\n\n{text} seeds={num_trials})\n")
        options = Options(
            store=str(Path(folder, "runs")),
            address=nodes.address,
            workers_per_trial=workers_per_trial,
        )
        with contextlib.redirect_stderr(io.StringIO()):
            sweep.start_sweep(str(space), [], options)
