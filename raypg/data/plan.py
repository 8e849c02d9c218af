"""What one epoch does to whom: order, crops and mirrors, drawn before ranks part."""

from dataclasses import dataclass

import torch
from torch import Tensor

from raypg.data.augment.boxes import Boxes, draw_cutout, draw_erasing
from raypg.data.augment.draws import build_generator
from raypg.data.augment.policy import PolicyDraws, draw_policy
from raypg.data.config import DataConfig


@dataclass(frozen=True)
class EpochPlan:
    """The draws of an epoch by place in it, on the CPU; N examples, int64 but flips.

    Args:
        order_N: the example at each place.
        top_N: the first row that its crop keeps of the padded image.
        left_N: the first column.
        is_flipped_N: whether it is mirrored.
        operations: what RandAugment or TrivialAugment does to it; None: nothing.
        hidden: what cutout and random erasing hide of it.
    """

    order_N: Tensor
    top_N: Tensor
    left_N: Tensor
    is_flipped_N: Tensor
    operations: PolicyDraws | None = None
    hidden: tuple[Boxes, ...] = ()


def draw_order(num: int, seed: int, epoch: int) -> Tensor:
    """The example at each place of an epoch, as its plan has it."""
    return torch.randperm(num, generator=build_generator(seed, epoch, "order"))


def draw_plan(
    num: int, config: DataConfig, height: int, width: int, seed: int, epoch: int
) -> EpochPlan:
    """The plan that (seed, epoch) stands for, for images of this size."""
    rng = build_generator(seed, epoch, "order")
    num_offsets = 2 * config.crop_padding + 1
    return EpochPlan(
        order_N=torch.randperm(num, generator=rng),
        top_N=torch.randint(num_offsets, (num,), generator=rng),
        left_N=torch.randint(num_offsets, (num,), generator=rng),
        is_flipped_N=(torch.rand(num, generator=rng) < 0.5) & config.flip,
        operations=_draw_operations(num, config, height, width, seed, epoch),
        hidden=tuple(_draw_hidden(num, config, height, width, seed, epoch)),
    )


def _draw_operations(
    num: int, config: DataConfig, height: int, width: int, seed: int, epoch: int
) -> PolicyDraws | None:
    if config.auto_augment == "none":
        return None
    return draw_policy(
        config.auto_augment,
        num,
        config.ra_num_ops,
        config.ra_magnitude,
        height,
        width,
        build_generator(seed, epoch, "policy"),
    )


def _draw_hidden(
    num: int, config: DataConfig, height: int, width: int, seed: int, epoch: int
) -> list[Boxes]:
    boxes = []
    if (side := config.cutout) > 0:
        rng = build_generator(seed, epoch, "cutout")
        boxes.append(draw_cutout(num, side, height, width, rng))
    if (part := config.random_erasing) > 0:
        rng = build_generator(seed, epoch, "random_erasing")
        boxes.append(draw_erasing(num, part, height, width, rng))
    return boxes
