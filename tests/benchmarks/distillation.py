"""What learning from a teacher's stored answers costs a step, on a CPU.

The same trial with a teacher and without one, each in a process of its own: what is
added is an index for the answers, two softmaxes and their gradient. Beside a network of
the usual kind stands the smallest there is, of whose steps they are the largest part.

Run it alone: `python -m tests.benchmarks.distillation`.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

import numpy as np
import torch
from torch import Tensor

from raypg.training.isolation import isolate
from raypg.training.parts import Parts, build_parts
from tests.benchmarks.cpu_loops import (
    BATCH_SIZE,
    HAS_BF16,
    NUM_IMAGES,
    WORLD,
    Loop,
    noise,
    our_config,
    remote,
)
from tests.benchmarks.pairs import measure_pairs

NETWORKS = {"ResNet-20": ["model.name=resnet"], "lenet": ["model.name=lenet"]}
TEACHER = "0" * 16
GOAL = "<= 1.05"


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    return [_row(name, quick) for name in NETWORKS]


def _row(name: str, quick: bool) -> dict[str, object]:
    network, span_s = NETWORKS[name], 0.0 if quick else 0.7
    own, ours = remote(partial(loop, network, TEACHER, span_s))
    other, peer = remote(partial(loop, network, "", span_s))
    with own, other:
        pairs = measure_pairs(ours, peer, 1 if quick else 10)
    precision = "bf16" if HAS_BF16 else "fp32"
    note = f"CIFAR-shaped noise, {WORLD.num_threads} threads, {precision}"
    title = f"{name}, a teacher's stored answers: training without them"
    return pairs.row(title, "ms / 1,000 images", GOAL, note)


def loop(network: Sequence[str], teacher: str, span_s: float) -> Loop:
    """What a trial runs, for so many seconds at least; gives its time an image."""
    config = our_config(network)
    config = replace(config, train=replace(config.train, teacher=teacher))
    isolate(WORLD, deterministic=config.train.deterministic)
    data = noise()
    if teacher:
        logits_NK = np.random.default_rng(1).normal(size=(NUM_IMAGES, 10))
        data = replace(data, teacher_NK=logits_NK.astype(np.float16))
    parts = build_parts(config, data, WORLD)
    parts.ask_teacher()
    batches = _batches(parts)

    def run() -> float:
        start, sums, num_steps = time.perf_counter(), torch.zeros(2), 0
        while not num_steps or time.perf_counter() - start < span_s:
            parts.stepper.set_lr(num_steps)
            images_BCHW, labels_B, teacher_BK = next(batches)
            sums += parts.stepper.step(images_BCHW, labels_B, BATCH_SIZE, teacher_BK)
            num_steps += 1
        sums.tolist()
        taken_s = time.perf_counter() - start
        return 1e6 * taken_s / (BATCH_SIZE * num_steps)

    return run


def _batches(parts: Parts) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """As the loop of a trial goes through its epochs."""
    for epoch in count(1):
        lessons = parts.lessons.epoch(epoch) if parts.lessons else None
        for step, (images_BCHW, labels_B) in enumerate(parts.batches.epoch(epoch)):
            yield images_BCHW, labels_B, lessons[step] if lessons else None


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
