"""Batches of a split: the same stream of examples for any number of workers."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from raypg.data.augment.boxes import hide
from raypg.data.augment.crops import crop_and_flip, normalise, take
from raypg.data.augment.mixing import Mix, Mixing, draw_mixes
from raypg.data.augment.policy import apply_policy
from raypg.data.config import DataConfig
from raypg.data.dataset import Dataset, Split
from raypg.data.plan import EpochPlan, draw_order, draw_plan
from raypg.errors import DataError

CHUNK_BYTES = 2**21
"""Of uint8 images, gathered and augmented at once for several steps.

One step's images are too few to pay for the calls, and 8 MB leave the cache. 2,675
Fashion-MNIST images a chunk run 1.4 times as fast as 64 on one thread, 4.6 times on
two (two cores of a Xeon with AMX, torch 2.15, n=7).
"""
UNMIXED = Mixing()
RESIDENT_BYTES = 2**30
"""A split up to this size is copied to the GPU once; a larger one chunk by chunk."""


class Batches:
    """One worker's share of every global batch of a split.

    Training: each epoch is a shuffle of the split, cut into global batches, each cut
    into contiguous shares whose sizes differ by one at most. The last batch may be
    small; it is dropped for all workers when it has fewer examples than there are
    workers. Order, augmentation and mixing depend on (seed, epoch) alone.

    Evaluation: no shuffle and no augmentation. The worker's share is one contiguous
    piece of the split, cut into batches of its part of the global batch size.

    Args:
        split: the examples.
        dataset: gives the mean and the deviation that pixels are normalised with.
        config: which augmentations the training has.
        batch_size_global: examples of all workers together.
        rank: of this worker, 0 to num_workers - 1.
        num_workers: workers that share each batch.
        seed: the trial's; any integer from 0.
        device: where the batches lie.
        channels_last: the memory format of the images.
        train: training or evaluation.
        mixing: training: which images of a batch are mixed, and how.

    Raises:
        DataError: training, and a batch or the split is smaller than the workers.
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
        mixing: Mixing = UNMIXED,
    ) -> None:
        if train and min(batch_size_global, len(split)) < num_workers:
            found = f"{batch_size_global} of {len(split)} examples, {num_workers}"
            fix = "Take a larger batch, or fewer workers a trial."
            rule = "must give every worker an example"
            raise DataError("train.batch_size", rule, f"{found} workers", fix)
        self._config = config
        self._batch_size = batch_size_global
        self._rank = rank
        self._num_workers = num_workers
        self._seed = seed
        self._device = device
        self._train = train
        self._mixing = mixing
        self._num_classes = dataset.num_classes
        self._memory_format = (
            torch.channels_last if channels_last else torch.contiguous_format
        )
        # DLPack takes a read-only array without a copy; from_numpy would warn.
        images_NCHW = from_dlpack(split.images_NCHW)
        is_resident = split.images_NCHW.nbytes <= RESIDENT_BYTES
        self._images_NCHW = images_NCHW.to(device) if is_resident else images_NCHW
        self._labels_N = from_dlpack(split.labels_N).to(device)
        mean_C11 = torch.tensor(dataset.mean, device=device)[:, None, None]
        std_C11 = torch.tensor(dataset.std, device=device)[:, None, None]
        self._scale_C11 = 1 / (255 * std_C11)
        self._shift_C11 = -mean_C11 / std_C11

    def __len__(self) -> int:
        """Examples of the whole split, all workers together."""
        return len(self._labels_N)

    @property
    def num_steps(self) -> int:
        """Batches that `epoch` gives; in training the same number to every worker."""
        if self._train:
            whole, rest = divmod(len(self), self._batch_size)
            return whole + (rest >= self._num_workers)
        start, stop = self.share
        return -(-(stop - start) // self._local_batch_size)

    @property
    def num_examples(self) -> int:
        """Examples that `epoch` gives, of all workers together."""
        if not self._train:
            return len(self)
        last = self.num_steps - 1
        return last * self._batch_size + self.global_batch_size(last)

    @property
    def share(self) -> tuple[int, int]:
        """Evaluation: this worker's first example, and the one after its last."""
        return self._cut(0, len(self))

    @property
    def black_C11(self) -> Tensor:
        """What a black pixel is once it is normalised."""
        return self._shift_C11

    @property
    def _local_batch_size(self) -> int:
        return -(-self._batch_size // self._num_workers)

    def global_batch_size(self, step: int) -> int:
        """Training: the examples of all workers at a step, from 0, of any epoch."""
        return min(self._batch_size, len(self) - step * self._batch_size)

    def order(self, epoch: int) -> Tensor:
        """Training: the example at each place of an epoch, on the CPU."""
        return draw_order(len(self), self._seed, epoch)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This worker's batches of an epoch: float32 images BCHW, int64 labels B.

        Mixed labels are float32 BK, and sum to 1 over the K classes.

        Batches share no memory with the split or each other: keep them, change them.
        """
        return self._train_batches(epoch) if self._train else self._eval_batches()

    def _train_batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        height, width = self._images_NCHW.shape[2:]
        plan = draw_plan(len(self), self._config, height, width, self._seed, epoch)
        mixes = self._draw_mixes(epoch)
        image_bytes = self._images_NCHW[0].numel()
        num_at_once = max(1, CHUNK_BYTES // (image_bytes * self._local_batch_size))
        for first in range(0, self.num_steps, num_at_once):
            steps = range(first, min(first + num_at_once, self.num_steps))
            places = [self._places(step) for step in steps]
            chunk = torch.cat(places)
            images = self._cropped(plan, chunk)
            if plan.operations:
                images = apply_policy(images, plan.operations.take(chunk))
            masks = self._masks(plan, chunk)
            labels = take(self._labels_N, plan.order_N[chunk], self._device)
            done = 0
            for step, own in zip(steps, places, strict=True):
                here = slice(done, done + len(own))
                images_BCHW = self._normalised(images[here])
                for mask in masks:
                    hide(images_BCHW, mask[here])
                if mixes:
                    yield self._mixed(mixes[step], images_BCHW, labels[here])
                else:
                    yield images_BCHW, labels[here]
                done = here.stop

    def _places(self, step: int) -> Tensor:
        """This worker's places of the epoch; where images are mixed, one before them.

        The first place of a global batch comes after its last.
        """
        start, stop = self.step_share(step)
        own = torch.arange(start, stop)
        if not self._mixing:
            return own
        first = step * self._batch_size
        before = start if start > first else first + self.global_batch_size(step)
        return torch.cat([torch.tensor([before - 1]), own])

    def _mixed(
        self, mix: Mix, images_BCHW: Tensor, labels_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All but the first image of these, each mixed with the one before it."""
        return (
            mix.images(images_BCHW[1:], images_BCHW[:-1]),
            mix.labels(labels_B[1:], labels_B[:-1], self._num_classes),
        )

    def _draw_mixes(self, epoch: int) -> list[Mix]:
        if not self._mixing:
            return []
        height, width = self._images_NCHW.shape[2:]
        return draw_mixes(
            self.num_steps, self._mixing, height, width, self._seed, epoch
        )

    def _masks(self, plan: EpochPlan, chunk: Tensor) -> list[Tensor]:
        """The pixels that are hidden of the images at these places."""
        height, width = self._images_NCHW.shape[2:]
        return [
            boxes.take(chunk).mask(height, width, self._device) for boxes in plan.hidden
        ]

    def _cropped(self, plan: EpochPlan, chunk: Tensor) -> Tensor:
        """The uint8 images at these places of the epoch, cut out and mirrored."""
        index_B = plan.order_N[chunk]
        if not (self._config.crop_padding or self._config.flip):
            return take(self._images_NCHW, index_B, self._device)
        return crop_and_flip(
            self._images_NCHW,
            index_B,
            plan.top_N[chunk],
            plan.left_N[chunk],
            plan.is_flipped_N[chunk],
            self._config.crop_padding,
            self._device,
        )

    def _eval_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        first, last = self.share
        for start in range(first, last, self._local_batch_size):
            stop = min(start + self._local_batch_size, last)
            images_BCHW = self._images_NCHW[start:stop].to(self._device)
            yield self._normalised(images_BCHW), self._labels_N[start:stop].clone()

    def _normalised(self, images_BCHW: Tensor) -> Tensor:
        return normalise(
            images_BCHW, self._scale_C11, self._shift_C11, self._memory_format
        )

    def step_share(self, step: int) -> tuple[int, int]:
        """Training: this worker's first place of an epoch at a step, and the end."""
        start = step * self._batch_size
        return self._cut(start, start + self.global_batch_size(step))

    def _cut(self, start: int, stop: int) -> tuple[int, int]:
        """This worker's contiguous part of [start, stop)."""
        num = stop - start
        return (
            start + num * self._rank // self._num_workers,
            start + num * (self._rank + 1) // self._num_workers,
        )
