"""A few real steps of some shapes of trial, in this process; `-m` for one of its own.

Steps run through the very training function that trials run through: its link hears how
long each short epoch took, and stops it after a second or so.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from raypg.config import Config, Layer, load
from raypg.data import Dataset, Split, load_dataset
from raypg.plan.counts import flops_of
from raypg.plan.report import Report, Task, Timing
from raypg.training.link import Metrics
from raypg.training.loop import train
from raypg.training.state import State, pack_state
from raypg.training.world import World

LEAST_EPOCHS = 4
"""Short epochs of a shape, of which the first one warms up and is not counted."""
MOST_STEPS = 20
"""Of a short epoch."""
MOST_EVALUATED, LEAST_EVALUATED = 512, 64
"""Images of a short epoch's evaluation: one batch at most."""
WORK = {"cpu": 2e9, "cuda": 1e12}
"""Multiply-adds of a short epoch, training and evaluation each, by device: well below
a second, where the least that can be measured is not more."""


def measure(task: Task) -> Report:
    """Time every shape of the task, one after the other, in this process."""
    is_cuda = task.device == "cuda"
    # What a process imports once, torch's compiler for one, is no trial's.
    torch.optim.SGD([torch.zeros(1)], lr=0.1).step()
    idle_bytes = 0 if is_cuda else resident_bytes()
    timings = [
        _time_shape(load([Layer("plan", dict(leaves))]), task)
        for leaves in task.configs
    ]
    peak_bytes = torch.cuda.max_memory_reserved() if is_cuda else resident_bytes("Peak")
    return Report(timings, idle_bytes, peak_bytes)


def _time_shape(config: Config, task: Task) -> Timing:
    """Train short epochs of one shape; a failure is told, the others go on."""
    share = -(-config.train.batch_size // task.num_workers)
    # What a trial takes from others changes no step's time.
    alone = replace(config.train, batch_size=share, init="", teacher="")
    config = replace(config, train=alone)
    world = World(0, 1, torch.device(task.device), task.num_threads)
    try:
        data = load_dataset(config.data)
        affordable = WORK[task.device] / max(1, flops_of(config)[1])
        num_steps = _num_steps(share, len(data.train), affordable)
        data = _shortened(data, num_steps * share, round(affordable))
        link = _Stopwatch(num_steps * share, num_steps, task.seconds)
        train(config, data, world, link)
        return link.timing(len(data.val))
    except Exception as error:  # what a trial of this shape would die of, too
        return Timing(error=" ".join(f"{type(error).__name__}: {error}".split()))


class _Stopwatch:
    """A link that notes how long epochs take, and leaves when it has seen enough."""

    def __init__(self, num_images: int, num_steps: int, seconds: float) -> None:
        self._num_images, self._num_steps = num_images, num_steps
        self._until = time.perf_counter() + seconds
        self._train_s: list[float] = []
        self._val_s: list[float] = []
        self._state_bytes = 0

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Note an epoch; the first one also gives the size of a checkpoint."""
        train_s = self._num_images / metrics["images_per_s"]
        self._train_s.append(train_s)
        self._val_s.append(metrics["epoch_s"] - train_s)
        if epoch == 1:
            self._state_bytes = len(pack_state(snapshot()))

    def describe(self, columns: Mapping[str, object]) -> None:
        """Nothing: the plan counts for itself."""

    def should_stop(self) -> bool:
        """After the time that was given, and some epochs at least."""
        is_late = time.perf_counter() > self._until
        return is_late and len(self._train_s) >= LEAST_EPOCHS

    def beat(self) -> None:
        """Nothing: a plan is waited for."""

    def rest(self) -> None:
        """Nothing."""

    def timing(self, num_evaluated: int) -> Timing:
        """What was seen, the first epoch left out."""
        return Timing(
            [seconds / self._num_steps for seconds in self._train_s[1:]],
            [seconds / num_evaluated for seconds in self._val_s[1:]],
            self._num_steps * len(self._train_s[1:]),
            self._state_bytes,
        )


def _num_steps(batch_size: int, num_train: int, affordable: float) -> int:
    """Steps of a short epoch: fewer where an image is much work.

    Forward and backward are three times the work of the forward pass.
    """
    most = min(affordable / 3, num_train) / batch_size
    return max(1, min(MOST_STEPS, int(most)))


def _shortened(data: Dataset, num_train: int, affordable: int) -> Dataset:
    num_evaluated = max(LEAST_EVALUATED, min(MOST_EVALUATED, affordable))
    return replace(
        data,
        train=_first(data.train, num_train),
        val=_first(data.val, num_evaluated),
        test=_first(data.test, num_evaluated),
    )


def _first(split: Split, num: int) -> Split:
    return Split(split.images_NCHW[:num], split.labels_N[:num])


def resident_bytes(which: str = "") -> int:
    """Memory that this process has in use, or with "Peak" the most that it had.

    Linux keeps the peak of a process apart from that of the one that started it, which
    getrusage mixes up.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:" if which else "VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Say that this process is ready, take a task from a line, answer with a line."""
    print("ready", flush=True)
    task = Task(**json.loads(sys.stdin.readline()))
    print(measure(task).to_json(), flush=True)


if __name__ == "__main__":
    main()
