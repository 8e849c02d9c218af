"""Learning from a teacher's answers (Hinton et al. 2015), which come as data.

Shapes: N images of the training split · B of a share · K classes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.dlpack import from_dlpack

from raypg.data.pipeline import RESIDENT_BYTES, Batches


class Lessons:
    """What the teacher says of each batch of a training, beside its images.

    It was asked once, about the images as they are: however a batch crops or mirrors
    them, the answer is the same one (a fixed teacher; Beyer et al. 2021 find one that
    sees what the student sees better, which costs its forward pass at each step).

    Args:
        logits_NK: the teacher's, of the training split.
        batches: of that split.
        device: where the batches lie.
    """

    def __init__(
        self, logits_NK: NDArray[np.float16], batches: Batches, device: torch.device
    ) -> None:
        mapped_NK = from_dlpack(logits_NK)
        is_small = logits_NK.nbytes <= RESIDENT_BYTES
        self._logits_NK = mapped_NK.to(device) if is_small else mapped_NK
        self._batches = batches
        self._device = device

    def epoch(self, epoch: int) -> "EpochLessons":
        """The teacher's answers to an epoch, by its steps."""
        return EpochLessons(self, self._batches.order(epoch))

    def answers(self, index_B: Tensor) -> Tensor:
        """Float32 logits BK of these images."""
        index_B = index_B.to(self._logits_NK.device)
        return self._logits_NK[index_B].to(self._device, torch.float32)

    def share(self, step: int) -> slice:
        """This worker's places of an epoch at a step."""
        return slice(*self._batches.step_share(step))


class EpochLessons:
    """The answers to one epoch."""

    def __init__(self, lessons: Lessons, order_N: Tensor) -> None:
        self._lessons = lessons
        self._order_N = order_N

    def __getitem__(self, step: int) -> Tensor:
        return self._lessons.answers(self._order_N[self._lessons.share(step)])


def distilled(
    hard: Tensor,
    logits_BK: Tensor,
    teacher_BK: Tensor,
    *,
    temperature: float,
    weight: float,
) -> Tensor:
    """The sum over a share that is learnt from: hard labels and the teacher, weighed.

    Args:
        hard: the sum of the loss by the labels.
        logits_BK: the student's, float32.
        teacher_BK: the teacher's, float32.
        temperature: of both; gradients are scaled by its square (section 2).
        weight: of the teacher, in [0, 1].
    """
    soft = functional.kl_div(
        functional.log_softmax(logits_BK / temperature, 1),
        functional.log_softmax(teacher_BK / temperature, 1),
        reduction="sum",
        log_target=True,
    )
    return (1 - weight) * hard + weight * temperature**2 * soft
