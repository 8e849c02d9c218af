"""Which batches fit into memory, and how fast each is: a few steps of rising sizes."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import torch

from raypg.config import Config
from raypg.training.isolation import isolate, seed_generators
from raypg.training.parts import build_parts
from raypg.training.transfer import set_training
from raypg.training.world import World
from raypg.trial import shared_dataset

SMALLEST = 16
_NUM_STEPS = 3
_LONGEST_S = 10.0
"""Of a step; a larger batch is not tried."""
_SHARE = 0.8
"""Of the memory that is free on a host, which ends a process that wants more."""
_ALIKE = 0.95
"""Of the best speed: what is not told apart."""


@dataclass(frozen=True)
class BatchSize:
    """One size.

    Attributes:
        size: examples a batch.
        step_s: of a step, the fastest of some.
        images_per_s: at that.
        peak_bytes: memory that the process has held; on a GPU, that was allocated.
    """

    size: int
    step_s: float
    images_per_s: float
    peak_bytes: int


@dataclass(frozen=True)
class BatchSizes:
    """All sizes that fit.

    Attributes:
        tried: rising.
        ended_by: why no larger one is among them.
    """

    tried: tuple[BatchSize, ...]
    ended_by: str

    @property
    def largest(self) -> int:
        """The largest that fits; 0 where none does."""
        return self.tried[-1].size if self.tried else 0

    @property
    def fast(self) -> int:
        """The smallest that is as fast as any, within 5 %; 0 where none fits."""
        best = max((one.images_per_s for one in self.tried), default=0.0)
        sizes = [one.size for one in self.tried if one.images_per_s >= _ALIKE * best]
        return sizes[0] if sizes else 0


def find_batch_size(config: Config, world: World) -> BatchSizes:
    """Train some steps with batches of 16, 32, … until one does not fit; keep nothing.

    On a GPU until one runs out of memory. On a CPU, where the kernel would end the
    process, until the next one would take more than 80 % of what is free.

    Args:
        config: of the trial; its own batch size does not count.
        world: device and threads.
    """
    data = shared_dataset(config.data)
    tried: list[BatchSize] = []
    size = SMALLEST
    while True:
        if size > len(data.train):
            return BatchSizes(tuple(tried), f"{len(data.train)} training images")
        if ended_by := _no_room(tried):
            return BatchSizes(tuple(tried), ended_by)
        try:
            tried.append(_try_size(config, world, size))
        except torch.OutOfMemoryError:
            return BatchSizes(tuple(tried), f"out of memory at {size}")
        if tried[-1].step_s > _LONGEST_S:
            return BatchSizes(tuple(tried), f"a step of {size} takes {_LONGEST_S:g} s")
        size *= 2


def _try_size(config: Config, world: World, size: int) -> BatchSize:
    on_gpu = world.device.type == "cuda"
    config = replace(config, train=replace(config.train, batch_size=size))
    isolate(world, deterministic=config.train.deterministic)
    seed_generators(config.seed, world, 0)
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(world.device)
    parts = build_parts(config, shared_dataset(config.data), world)
    set_training(parts.module)
    parts.stepper.fixed_lr = 1e-9
    parts.stepper.set_lr(0)
    took = []
    # The first step makes ready; a set of one batch gives it again each epoch.
    batches = (batch for epoch in (1, 2, 3) for batch in parts.batches.epoch(epoch))
    for images_BCHW, labels_B in islice(batches, _NUM_STEPS):
        started = time.perf_counter()
        # To numbers: a GPU has done the step by then.
        parts.stepper.step(images_BCHW, labels_B, size).tolist()
        took.append(time.perf_counter() - started)
    step_s = min(took)
    peak = torch.cuda.max_memory_allocated(world.device) if on_gpu else _held("VmHWM")
    return BatchSize(size, step_s, size / step_s, peak)


def _no_room(tried: list[BatchSize]) -> str:
    """Why the next size is not tried on this host; empty where it is."""
    free = _held("MemAvailable", "/proc/meminfo")
    if len(tried) < 2 or not free or not tried[-1].peak_bytes:
        return ""
    # Twice the size takes twice what this one took beyond the last one.
    wanted = 2 * (tried[-1].peak_bytes - tried[-2].peak_bytes)
    if wanted <= _SHARE * free:
        return ""
    return f"{2 * tried[-1].size} would take {wanted >> 20:,} MB more"


def _held(what: str, file: str = "/proc/self/status") -> int:
    """Bytes that Linux tells under a name; 0 elsewhere."""
    try:
        lines: Iterator[str] = iter(Path(file).read_text().splitlines())
    except OSError:
        return 0
    found = (re.match(rf"{what}:\s+(\d+) kB", line) for line in lines)
    return next((int(one[1]) * 1024 for one in found if one), 0)
