"""Measuring on this machine: as many processes at once as trials would run."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from tempfile import TemporaryFile
from typing import IO

from raypg.errors import TrialError
from raypg.plan.report import Report, Task

MOST_PROCESSES = 16
"""More at once tell little more of how trials slow each other down."""


def measure_here(
    task: Task, num_processes: int, gpus_per_worker: float
) -> tuple[list[Report], float]:
    """Run the task in processes of their own, all at once.

    Trials that run side by side share caches, memory and the clock of a core: what one
    takes alone is too short.

    Args:
        task: what each is to measure.
        num_processes: how many.
        gpus_per_worker: share of a GPU that each has.

    Returns:
        What they measured, and the seconds until all of them had imported torch: how
        fast this machine starts things now.

    Raises:
        TrialError: a process died of it.
    """
    started = time.perf_counter()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(_worker(environment_of(task, index, gpus_per_worker)))
            for index in range(num_processes)
        ]
        for worker in workers:
            worker.read_line()  # imports take seconds, and would disturb the others
        ready_s = time.perf_counter() - started
        for worker in workers:
            worker.send(json.dumps(asdict(task)))
        reports = [Report.from_json(worker.read_line()) for worker in workers]
    return reports, ready_s


class _Worker:
    """One process that measures."""

    def __init__(self, process: "subprocess.Popen[str]", errors: IO[bytes]) -> None:
        self._process, self._errors = process, errors

    def send(self, line: str) -> None:
        """Give it the task; one that has died is found when it should answer."""
        assert self._process.stdin is not None
        try:
            print(line, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            return

    def read_line(self) -> str:
        """Its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return line
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        found = f"exit code {code}" + (f": {said[-1]}" if said else "")
        fix = "Is there memory enough? --plan=count runs no step."
        raise TrialError("--plan", "a process must live to train a step", found, fix)


@contextmanager
def _worker(environment: Mapping[str, str]) -> Iterator[_Worker]:
    command = [sys.executable, "-m", "raypg.plan.measure"]
    with TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=dict(environment),
        )
        with process:  # which waits for its end
            try:
                yield _Worker(process, errors)
            finally:
                process.kill()


def environment_of(task: Task, index: int, gpus_per_worker: float) -> dict[str, str]:
    """As Ray sets it for a worker: its threads, and the GPU that it has a part of."""
    own = {**os.environ, "OMP_NUM_THREADS": str(task.num_threads)}
    if task.device == "cuda":
        import torch

        named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        all_gpus = range(torch.cuda.device_count())
        visible: Sequence[object] = named.split(",") if named else all_gpus
        place = math.floor(index * gpus_per_worker) % len(visible)
        own["CUDA_VISIBLE_DEVICES"] = str(visible[place])
    return own
