"""What one epoch does to whom: order, crops and mirrors, drawn before ranks part."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raypg.data.config import DataConfig


@dataclass(frozen=True)
class EpochPlan:
    """The draws of an epoch by place in it, on the CPU; N examples, int64 but the last.

    Args:
        order_N: the example at each place.
        top_N: the first row that its crop keeps of the padded image.
        left_N: the first column.
        is_flipped_N: whether it is mirrored.
    """

    order_N: Tensor
    top_N: Tensor
    left_N: Tensor
    is_flipped_N: Tensor


def draw_plan(num: int, config: DataConfig, seed: int, epoch: int) -> EpochPlan:
    """The plan that (seed, epoch) stands for. No other generator is touched."""
    mixed = np.random.SeedSequence(seed, spawn_key=(epoch,))
    rng = torch.Generator().manual_seed(int(mixed.generate_state(1, np.uint64)[0]))
    num_offsets = 2 * config.crop_padding + 1
    return EpochPlan(
        order_N=torch.randperm(num, generator=rng),
        top_N=torch.randint(num_offsets, (num,), generator=rng),
        left_N=torch.randint(num_offsets, (num,), generator=rng),
        is_flipped_N=(torch.rand(num, generator=rng) < 0.5) & config.flip,
    )
