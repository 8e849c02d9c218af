"""Training loops on a CPU, each in a process of its own, on CIFAR-shaped noise.

Ours is what a trial runs. Batches of 64, crop, mirror, normalise, SGD with momentum,
two threads, everywhere.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, count

import numpy as np
import torch

from raypg.config import Config, load, parse_overrides
from raypg.data import Dataset, Split
from raypg.processor import lacks_bf16
from raypg.training.isolation import isolate
from raypg.training.parts import build_parts
from raypg.training.world import alone
from tests.benchmarks.playground import MEAN, STD, Images

BATCH_SIZE = 64
NUM_IMAGES = 2_560
WORLD = alone(num_threads=2)
HAS_BF16 = not lacks_bf16()
FAST = ["train.channels_last=true", *(["train.precision=bf16"] if HAS_BF16 else [])]
"""What a processor is fastest with; without instructions for bf16 that is fp32."""

Loop = Callable[[], float]
"""Trains some steps, and tells how many images a second they took."""


def remote(build: Callable[[], Loop]) -> tuple[ProcessPoolExecutor, Loop]:
    """A loop in a fresh process, and what runs it there.

    Args:
        build: makes the loop there; pickled, so that it is a function of a module.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, context, _set_up, (build,))
    pool.submit(_run).result()  # builds what oneDNN keeps for each shape
    return pool, lambda: pool.submit(_run).result()


_loops: list[Loop] = []
"""In a process of `remote`: the loop that it is for."""


def _set_up(build: Callable[[], Loop]) -> None:
    torch.set_num_threads(WORLD.num_threads)
    _loops.append(build())


def _run() -> float:
    return _loops[0]()


def noise() -> Dataset:
    """Images and labels that say nothing."""
    random = np.random.default_rng(0)
    split = Split(
        random.integers(0, 256, (NUM_IMAGES, 3, 32, 32), dtype=np.uint8),
        random.integers(0, 10, NUM_IMAGES),
    )
    names = tuple(map(str, range(10)))
    return Dataset("cifar10", split, split, split, 10, MEAN, STD, names, "noise")


def noise_images() -> Images:
    """The same behind torchvision's transforms."""
    train = noise().train
    return Images(train.images_NCHW, train.labels_N)


def our_config(network: Sequence[str]) -> Config:
    """The config of a trial of this network, given as overrides of `model.*`."""
    augmentation = ["data.name=cifar10", "data.crop_padding=4", "data.flip=true"]
    return load([parse_overrides([*network, *augmentation, *FAST])])


def our_loop(network: Sequence[str], num_steps: int, span_s: float = 0.0) -> Loop:
    """What a trial runs, for so many steps and seconds at least."""
    config = our_config(network)
    isolate(WORLD, deterministic=config.train.deterministic)
    parts = build_parts(config, noise(), WORLD)
    batches = chain.from_iterable(map(parts.batches.epoch, count(1)))

    def run() -> float:
        start, sums, step = time.perf_counter(), torch.zeros(2), 0
        while step < num_steps or time.perf_counter() - start < span_s:
            parts.stepper.set_lr(step)
            sums += parts.stepper.step(*next(batches), BATCH_SIZE)
            step += 1
        sums.tolist()
        return BATCH_SIZE * step / (time.perf_counter() - start)

    return run
