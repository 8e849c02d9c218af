"""RandAugment and TrivialAugment: some of fourteen operations on each image.

The images of a batch are sorted by what was drawn for them, so that each operation is
one call for all its images, and put back in order.

Legend: N images of an epoch, B of a batch, L operations on each image one after
another; C channels, H height, W width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from raypg.data.augment import colour
from raypg.data.augment.geometry import rotation, shear, transform

GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
STRONG: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": colour.brightness,
    "color": colour.color,
    "contrast": colour.contrast,
    "sharpness": colour.sharpness,
    "posterize": colour.posterize,
    "solarize": colour.solarize,
}
"""Operations with a strength for each image."""
PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "autocontrast": colour.autocontrast,
    "equalize": colour.equalize,
}
OPERATIONS = ("identity", *GEOMETRIC, *STRONG, *PLAIN)
"""Both papers' set; the geometric ones are neighbours, since they are one call."""
SIGNED = (*GEOMETRIC, "brightness", "color", "contrast", "sharpness")
"""Whose strength is turned round by a fair coin."""
NUM_BINS = 31
"""Strengths of an operation, from none to its full one."""


@dataclass(frozen=True)
class Reach:
    """The full strength of each kind of operation.

    Args:
        shear: pixels along a side for each pixel across it.
        translate: pixels; below 1 a part of the side.
        rotate: degrees.
        blend: how far brightness, colour, contrast and sharpness leave the factor 1.
        bits: that posterize takes from the 8 of a level.
    """

    shear: float
    translate: float
    rotate: float
    blend: float
    bits: int


REACHES = {
    # Cubuk et al. 2020, in the form of torchvision (AutoAugment's 150 of 331 pixels).
    "randaugment": Reach(0.3, 150 / 331, 30.0, 0.9, 4),
    # Müller & Hutter 2021, the wide space: 32 pixels whatever the size of the image.
    "trivialaugment": Reach(0.99, 32.0, 135.0, 0.99, 6),
}


@dataclass(frozen=True)
class PolicyDraws:
    """What is done to each image, on the CPU, L rows of N.

    Args:
        operation_LN: places in `OPERATIONS`, int64.
        strength_LN: its strength with its sign, in its own unit, float32.
    """

    operation_LN: Tensor
    strength_LN: Tensor

    def take(self, index_B: Tensor) -> "PolicyDraws":
        """The draws at these places."""
        return PolicyDraws(self.operation_LN[:, index_B], self.strength_LN[:, index_B])


def draw_policy(
    policy: str,
    num: int,
    num_ops: int,
    magnitude: int,
    height: int,
    width: int,
    rng: torch.Generator,
) -> PolicyDraws:
    """The operations of an epoch.

    Args:
        policy: a key of `REACHES`; trivialaugment draws one operation with its
            strength.
        num: N.
        num_ops: L, of randaugment.
        magnitude: the strength of each operation in [0, NUM_BINS), of randaugment.
        height: of the images.
        width: likewise.
        rng: where the draws come from.
    """
    is_trivial = policy == "trivialaugment"
    size = (1 if is_trivial else num_ops, num)
    operation_LN = torch.randint(len(OPERATIONS), size, generator=rng)
    is_turned_LN = torch.rand(size, generator=rng) < 0.5
    bin_LN = torch.full(size, magnitude)
    if is_trivial:
        bin_LN = torch.randint(NUM_BINS, size, generator=rng)
    strength_LN = strengths(policy, height, width)[operation_LN, bin_LN]
    is_signed = torch.tensor([name in SIGNED for name in OPERATIONS])
    turned_LN = torch.where(is_turned_LN & is_signed[operation_LN], -1.0, 1.0)
    return PolicyDraws(operation_LN, strength_LN * turned_LN)


@cache
def strengths(policy: str, height: int, width: int) -> Tensor:
    """The strength of each of `OPERATIONS` at each bin, float32."""
    reach = REACHES[policy]
    rising = torch.arange(NUM_BINS, dtype=torch.float64) / (NUM_BINS - 1)
    full = {
        "shear_x": rising * reach.shear,
        "shear_y": rising * reach.shear,
        "translate_x": (rising * _pixels(reach, width)).floor(),
        "translate_y": (rising * _pixels(reach, height)).floor(),
        "rotate": rising * reach.rotate,
        "posterize": 8 - (rising * reach.bits).round(),
        "solarize": 255 * (1 - rising),
        **dict.fromkeys(
            ("brightness", "color", "contrast", "sharpness"), rising * reach.blend
        ),
    }
    rows = [full.get(name, torch.zeros_like(rising)) for name in OPERATIONS]
    return torch.stack(rows).float()


def _pixels(reach: Reach, side: int) -> float:
    return reach.translate * (side if reach.translate < 1 else 1)


def apply_policy(images_BCHW: Tensor, draws: PolicyDraws) -> Tensor:
    """The images after their operations, uint8, in new memory where any has one."""
    for operation_B, strength_B in zip(
        draws.operation_LN, draws.strength_LN, strict=True
    ):
        images_BCHW = _apply_one(images_BCHW, operation_B, strength_B)
    return images_BCHW


def _apply_one(images_BCHW: Tensor, operation_B: Tensor, strength_B: Tensor) -> Tensor:
    """One operation on each image."""
    device = images_BCHW.device
    order_B = torch.argsort(operation_B, stable=True)
    counts = torch.bincount(operation_B, minlength=len(OPERATIONS)).tolist()
    sorted_images = images_BCHW.index_select(0, order_B.to(device, non_blocking=True))
    sorted_strength = strength_B[order_B]
    _, height, width = images_BCHW.shape[1:]
    done, geometric = counts[0], sum(counts[1 : 1 + len(GEOMETRIC)])
    groups = [sorted_images[:done]]
    if geometric:
        here = slice(done, done + geometric)
        kinds = operation_B[order_B][here] - 1
        matrix = _matrices(kinds, sorted_strength[here], height, width)
        groups.append(transform(sorted_images[here], matrix.to(device)))
        done = here.stop
    for name, count in zip(
        OPERATIONS[1 + len(GEOMETRIC) :], counts[1 + len(GEOMETRIC) :], strict=True
    ):
        here = slice(done, done + count)
        if count:
            strength = sorted_strength[here].to(device, non_blocking=True)
            groups.append(_colour(name, sorted_images[here], strength))
        done = here.stop
    place_B = torch.argsort(order_B)
    return torch.cat(groups).index_select(0, place_B.to(device, non_blocking=True))


def _colour(name: str, images_BCHW: Tensor, strength_B: Tensor) -> Tensor:
    if name in PLAIN:
        return PLAIN[name](images_BCHW)
    # A blend's strength is how far its factor is from 1.
    return STRONG[name](images_BCHW, strength_B + (name in SIGNED))


def _matrices(kind_B: Tensor, strength_B: Tensor, height: int, width: int) -> Tensor:
    """The maps of geometric operations, `kind_B` being places in `GEOMETRIC`: B23."""
    is_kind = {name: kind_B == place for place, name in enumerate(GEOMETRIC)}
    strength = {name: torch.where(is_kind[name], strength_B, 0.0) for name in GEOMETRIC}
    cosine, sine = rotation(strength["rotate"])
    shear_x, by_x = shear(strength["shear_x"], height)
    shear_y, by_y = shear(strength["shear_y"], width)
    # A shift by s pixels shows what lies s pixels before.
    rows = [
        torch.stack([cosine, shear_x - sine, by_x - strength["translate_x"]], 1),
        torch.stack([shear_y + sine, cosine, by_y - strength["translate_y"]], 1),
    ]
    return torch.stack(rows, 1)
