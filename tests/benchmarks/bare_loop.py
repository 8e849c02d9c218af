"""The plain PyTorch loop that a user would write with our parts, and nothing around it.

The same network, batches, optimizer, schedule and precision as in a trial, and a test
of the best epoch's weights at the end; no link, no reports, no snapshots, no
predictions kept, no metrics but the losses and the accuracies.
"""

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from typing import NamedTuple

import torch
from torch.nn import functional

from raypg.config import load, parse_overrides
from raypg.data import load_dataset
from raypg.data.pipeline import Batches
from raypg.models import build_model
from raypg.optim import build_optimizer, lr_factor
from tests.benchmarks.machine import note_processes

CPU = torch.device("cpu")


class Span(NamedTuple):
    """Moments of one or several trainings.

    Attributes:
        started: their start.
        ends: of all epochs.
        ended: the end of the last test.
    """

    started: float
    ends: tuple[float, ...]
    ended: float

    @property
    def first(self) -> float:
        """The end of the first epoch."""
        return self.ends[0]

    @property
    def last(self) -> float:
        """The end of the last epoch."""
        return self.ends[-1]


def train_bare(overrides: Sequence[str], num_threads: int) -> Span:
    """Train one trial in this thread."""
    started = time.time()
    torch.set_num_threads(num_threads)
    config = load([parse_overrides(overrides)])
    torch.manual_seed(config.seed)
    data, train = load_dataset(config.data), config.train
    layout = torch.channels_last if train.channels_last else torch.contiguous_format
    model = build_model(config.model, data.image_shape, data.num_classes)
    model = model.to(memory_format=layout)
    optimizer = build_optimizer(config.optimizer, model)
    batches, val_batches, test_batches = (
        Batches(
            split,
            data,
            config.data,
            batch_size_global=batch_size,
            rank=0,
            num_workers=1,
            seed=config.seed,
            device=CPU,
            channels_last=train.channels_last,
            train=is_train,
        )
        for split, batch_size, is_train in (
            (data.train, train.batch_size, True),
            (data.val, 512, False),
            (data.test, 512, False),
        )
    )
    bf16 = torch.autocast("cpu", torch.bfloat16, enabled=train.precision == "bf16")
    num_steps, steps, ends = train.epochs * batches.num_steps, count(), []
    best, best_weights = -1.0, {}

    def num_right(split: Batches) -> float:
        model.eval()
        correct, losses = torch.zeros(()), torch.zeros(())
        with torch.inference_mode(), bf16:
            for images_BCHW, labels_B in split.epoch(0):
                logits_BK = model(images_BCHW).float()
                losses += functional.cross_entropy(logits_BK, labels_B)
                correct += (logits_BK.argmax(1) == labels_B).sum()
        losses.item()
        return correct.item()

    for epoch in range(1, train.epochs + 1):
        model.train()
        total = torch.zeros(())
        for images_BCHW, labels_B in batches.epoch(epoch):
            factor = lr_factor(config.schedule, next(steps), num_steps)
            for group in optimizer.param_groups:
                group["lr"] = config.optimizer.lr * factor
            optimizer.zero_grad()
            with bf16:
                loss = functional.cross_entropy(model(images_BCHW), labels_B)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        total.item()
        correct = num_right(val_batches)
        if correct > best:
            best = correct
            best_weights = {k: v.clone() for k, v in model.state_dict().items()}
        ends.append(time.time())
    model.load_state_dict(best_weights)
    num_right(test_batches)
    return Span(started, tuple(ends), time.time())


class Processes:
    """Warm processes that train bare loops, one in each at a time."""

    def __init__(self, num: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(num, mp_context=context)
        list(self._pool.map(_warm_up, range(num)))

    def train(
        self, shares: Sequence[Sequence[Sequence[str]]], num_threads: int
    ) -> list[Span]:
        """Train each share in a process of its own, side by side.

        Args:
            shares: for each process its trials, each as overrides of the config.
            num_threads: of each process.
        """
        waiting = [self._pool.submit(train_all, s, num_threads) for s in shares]
        return [each.result() for each in waiting]

    def close(self) -> None:
        """End the processes."""
        note_processes()
        self._pool.shutdown()


def train_all(trials: Sequence[Sequence[str]], num_threads: int) -> Span:
    """Train one trial after another in this thread."""
    spans = [train_bare(overrides, num_threads) for overrides in trials]
    ends = tuple(moment for span in spans for moment in span.ends)
    return Span(spans[0].started, ends, spans[-1].ended)


def warm_up() -> None:
    """Import what a training needs, and train a small network."""
    train_bare(["model.name=mlp", "model.hidden=8", "train.epochs=1"], 1)


def _warm_up(number: int) -> None:
    warm_up()
    time.sleep(1)  # so that the next one goes to another process
