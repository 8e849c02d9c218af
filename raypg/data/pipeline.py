"""Batches of a split: the same stream of examples for any number of workers."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raypg.data.augment import crop_and_flip, normalise
from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset, Split


@dataclass(frozen=True)
class _Plan:
    """What one epoch does to whom, drawn at once and before the ranks part."""

    order_N: Tensor
    top_N: Tensor
    left_N: Tensor
    is_flipped_N: Tensor


def _draw_plan(num: int, config: DataConfig, seed: int, epoch: int) -> _Plan:
    """The plan that (seed, epoch) stands for; no other generator is touched."""
    mixed = np.random.SeedSequence(seed, spawn_key=(epoch,))
    rng = torch.Generator().manual_seed(int(mixed.generate_state(1, np.uint64)[0]))
    num_offsets = 2 * config.crop_padding + 1
    return _Plan(
        order_N=torch.randperm(num, generator=rng),
        top_N=torch.randint(num_offsets, (num,), generator=rng),
        left_N=torch.randint(num_offsets, (num,), generator=rng),
        is_flipped_N=(torch.rand(num, generator=rng) < 0.5) & config.flip,
    )


class Batches:
    """One worker's share of every global batch of a split.

    Training: each epoch is a shuffle of the split, cut into global batches, each cut
    into contiguous shares whose sizes differ by one at most. The last batch may be
    small; it is dropped for all workers when it has fewer examples than there are
    workers. Order, crops and mirrors depend on (seed, epoch) alone.

    Evaluation: no shuffle, no augmentation; the worker's share is one contiguous
    piece of the split, and its batches may number one less than another worker's.
    """

    def __init__(
        self,
        split: Split,
        dataset: Dataset,
        config: DataConfig,
        *,
        batch_size_global: int,
        rank: int,
        num_workers: int,
        seed: int,
        device: torch.device,
        channels_last: bool,
        train: bool,
    ) -> None:
        self._config = config
        self._batch_size = batch_size_global
        self._rank = rank
        self._num_workers = num_workers
        self._seed = seed
        self._train = train
        self._num_examples = len(split)
        self._memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        # DLPack takes a read-only array without copying; from_numpy would warn.
        self._images_NCHW = torch.from_dlpack(split.images_NCHW).to(device)
        self._labels_N = torch.from_dlpack(split.labels_N).to(device)
        std_C11 = torch.tensor(dataset.std, device=device)[:, None, None]
        mean_C11 = torch.tensor(dataset.mean, device=device)[:, None, None]
        self._scale_C11 = 1 / (255 * std_C11)
        self._shift_C11 = -mean_C11 / std_C11

    @property
    def num_steps(self) -> int:
        """Batches that `epoch` gives: in training the same number on every worker."""
        if not self._train:
            start, stop = self.share
            return -(-(stop - start) // self._local_batch_size)
        whole, rest = divmod(self._num_examples, self._batch_size)
        return whole + (rest >= self._num_workers)

    @property
    def share(self) -> tuple[int, int]:
        """Evaluation: the first example of this worker, and the one after its last."""
        return self._cut(0, self._num_examples)

    @property
    def _local_batch_size(self) -> int:
        return -(-self._batch_size // self._num_workers)

    def global_batch_size(self, step: int) -> int:
        """Training: examples of all workers together at a step of an epoch."""
        start = step * self._batch_size
        return min(self._batch_size, self._num_examples - start)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This worker's batches of an epoch, float32 images and int64 labels.

        Each batch is memory of its own, free to keep or to write to.
        """
        return self._train_batches(epoch) if self._train else self._eval_batches()

    def _train_batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        plan = _draw_plan(self._num_examples, self._config, self._seed, epoch)
        for step in range(self.num_steps):
            begin = step * self._batch_size
            start, stop = self._cut(begin, begin + self.global_batch_size(step))
            index_B = plan.order_N[start:stop].to(self._images_NCHW.device)
            images_BCHW = self._images_NCHW[index_B]
            if self._config.crop_padding or self._config.flip:
                images_BCHW = crop_and_flip(
                    images_BCHW,
                    plan.top_N[start:stop],
                    plan.left_N[start:stop],
                    plan.is_flipped_N[start:stop],
                    self._config.crop_padding,
                )
            yield self._finish(images_BCHW), self._labels_N[index_B]

    def _eval_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        first, last = self.share
        for start in range(first, last, self._local_batch_size):
            stop = min(start + self._local_batch_size, last)
            images_BCHW = self._finish(self._images_NCHW[start:stop])
            yield images_BCHW, self._labels_N[start:stop].clone()

    def _finish(self, images_BCHW: Tensor) -> Tensor:
        images_BCHW = normalise(images_BCHW, self._scale_C11, self._shift_C11)
        return images_BCHW.to(memory_format=self._memory_format)

    def _cut(self, start: int, stop: int) -> tuple[int, int]:
        """This worker's contiguous share of [start, stop)."""
        num = stop - start
        return (
            start + num * self._rank // self._num_workers,
            start + num * (self._rank + 1) // self._num_workers,
        )
