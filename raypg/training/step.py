"""One optimizer step and one pass over a split, in any precision on any device."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from raypg.config import Config
from raypg.optim import lr_factor
from raypg.training.distillation import distilled
from raypg.training.loss import told_sums, training_loss
from raypg.training.transfer import FACTOR
from raypg.training.world import World

# B: batch (this worker's share), N: examples of a split, K: classes.
# Labels are classes, int64 B, or mixed ones, float32 BK.

AUTOCAST_TYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Stepper:
    """The moving parts of a trial: what a step reads and changes."""

    config: Config
    world: World
    model: nn.Module
    """As it is called: wrapped in DDP where there are several workers."""
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    num_steps: int
    """Of the whole training, which the schedule is stretched over."""
    weights_K: Tensor | None = None
    """Of the classes in the training loss; None: all weigh 1."""
    cut: float = 1.0
    """What plateaus have left of the learning rate."""
    fixed_lr: float = 0.0
    """The rate, whatever the schedule says; 0: as it says."""
    beat: Callable[[], None] = lambda: None
    """Called after each batch, of an evaluation too: a sign of life."""

    def autocast(self) -> torch.autocast:
        """The precision that `train.precision` asks for."""
        dtype = AUTOCAST_TYPES[self.config.train.precision]
        kind = self.world.device.type
        return torch.autocast(kind, dtype=dtype, enabled=dtype is not None)

    def set_lr(self, step: int) -> float:
        """Set the learning rate of `step`, in [0, num_steps); returns it."""
        factor = lr_factor(self.config.schedule, step, self.num_steps)
        lr = self.fixed_lr or self.config.optimizer.lr * factor * self.cut
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get(FACTOR, 1.0)
        return lr

    @property
    def lr(self) -> float:
        """The learning rate now, of stages that have no factor of their own."""
        group = self.optimizer.param_groups[0]
        return float(group["lr"] / group.get(FACTOR, 1.0))

    def step(
        self,
        images_BCHW: Tensor,
        labels: Tensor,
        batch_size: int,
        teacher_BK: Tensor | None = None,
    ) -> Tensor:
        """Learn from one global batch of `batch_size`, of which this is a share.

        Args:
            images_BCHW: of the share.
            labels: theirs.
            batch_size: of all workers.
            teacher_BK: a teacher's logits of them.

        Returns:
            This share's sums over its examples, float32; see `told_sums`.
        """
        pieces = _pieces(images_BCHW, labels, self.config.train.micro_batch)
        answers: Sequence[Tensor | None] = [None] * len(pieces)
        if teacher_BK is not None:
            answers = teacher_BK.tensor_split(len(pieces))
        *before, last = [(*p, a) for p, a in zip(pieces, answers, strict=True)]
        self.optimizer.zero_grad(set_to_none=True)
        sums = [self._learn(*piece, batch_size, is_last=False) for piece in before]
        sums.append(self._learn(*last, batch_size, is_last=True))
        if (limit := self.config.train.clip_norm) > 0:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return torch.stack(sums).sum(0) if before else sums[0]

    def _learn(
        self,
        images_BCHW: Tensor,
        labels: Tensor,
        teacher_BK: Tensor | None,
        batch_size: int,
        *,
        is_last: bool,
    ) -> Tensor:
        """Add the gradients of one piece; returns its sums."""
        smoothing = self.config.train.label_smoothing
        with self._shared(is_last):
            with self.autocast():
                logits_BK = self.model(images_BCHW)
            logits_BK = logits_BK.float()
            total = training_loss(
                logits_BK, labels, smoothing=smoothing, weights_K=self.weights_K
            )
            learnt = total
            if teacher_BK is not None:
                learnt = distilled(
                    total,
                    logits_BK,
                    teacher_BK,
                    temperature=self.config.train.distill_temperature,
                    weight=self.config.train.distill_weight,
                )
            # DDP averages gradients over workers; the shares may be uneven.
            loss = learnt * (self.world.num_workers / batch_size)
            self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        is_plain = smoothing == 0 and self.weights_K is None
        with torch.no_grad():
            return told_sums(logits_BK, labels, total if is_plain else None)

    def _shared(self, is_last: bool) -> AbstractContextManager[None]:
        """Workers tell each other gradients with a step's last piece, which has all."""
        if is_last or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        return self.model.no_sync()


def _pieces(
    images_BCHW: Tensor, labels: Tensor, most: int
) -> Sequence[tuple[Tensor, Tensor]]:
    """A share in pieces of one size, give or take one example: `most` at the most.

    Not a small rest: batch statistics want examples, and one alone has none.
    """
    if not most or len(labels) <= most:
        return [(images_BCHW, labels)]
    num_pieces = -(-len(labels) // most)
    split = (t.tensor_split(num_pieces) for t in (images_BCHW, labels))
    return list(zip(*split, strict=True))


def build_scaler(config: Config, world: World) -> torch.amp.GradScaler:
    """The gradient scaler: at work with fp16, a pass-through otherwise."""
    enabled = config.train.precision == "fp16"
    return torch.amp.GradScaler(world.device.type, enabled=enabled)
