"""Ends a process or a node every few seconds, by a seed, and remembers when."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.nodes import Nodes, kill

NODE = "node"
TITLES = {
    "trial actor": "Trainable",
    "worker": "RayTrainWorker",
    "Train controller": "TrainController",
    "mailbox": "Mailbox",
}
"""Kinds of processes by what Ray writes over their command line."""


@dataclass(frozen=True)
class Fault:
    """A death that was made; `at` is in seconds since 1970."""

    kind: str
    at: float


class Monkey:
    """A thread that strikes until it is told to stop.

    Args:
        nodes: where.
        kinds: what, each as often as the others: `node`, or a key of `TITLES`.
        every_s: half as long to half as long again lies between two faults.
        seed: of what is struck and when; what runs there is up to the machine.
        limit: faults at most.
    """

    def __init__(
        self, nodes: Nodes, kinds: Sequence[str], every_s: float, seed: int, limit: int
    ) -> None:
        self.faults: list[Fault] = []
        self._nodes = nodes
        self._kinds = kinds
        self._every_s = every_s
        self._random = random.Random(seed)
        self._limit = limit
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monkey")

    def start(self) -> None:
        """Begin; does nothing where it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def stop(self) -> None:
        """Strike no more; returns once the last fault is over."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        order: list[str] = []
        while len(self.faults) < self._limit:
            wait_s = self._random.uniform(0.5, 1.5) * self._every_s
            if self._is_over.wait(wait_s):
                return
            if not order:
                order = self._random.sample(self._kinds, len(self._kinds))
            if self._strike(order[-1]):
                order.pop()

    def _strike(self, kind: str) -> bool:
        """Whether there was something to strike."""
        choice = self._random.random()
        if kind == NODE:
            workers = self._nodes.workers
            self.faults.append(Fault(kind, time.time()))
            self._nodes.cut_power(workers[int(choice * len(workers))])
            self._nodes.add()
            return True
        title = TITLES[kind]
        victims = [
            process
            for node in self._nodes.workers
            for process in self._nodes.processes(node, title)
        ]
        if victims:
            self.faults.append(Fault(kind, time.time()))
            kill(victims[int(choice * len(victims))])
        return bool(victims)
