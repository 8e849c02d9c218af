"""Cutout and random erasing: a box of each image is replaced by the mean colour.

Legend: N images of an epoch, B of a batch; C channels, H height, W width.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

AREA = (0.02, 0.33)
"""Random erasing: the least and the largest part of an image (Zhong et al. 2020)."""
RATIO = (0.3, 3.3)
"""Of height to width, even in its logarithm. As torchvision's: the paper's is 1/0.3."""
NUM_TRIES = 10
"""Boxes that are drawn until one fits into the image; the paper draws on and on."""


@dataclass(frozen=True)
class Boxes:
    """A box for each image, int64, on the CPU; it may reach beyond the edges.

    Args:
        top_N: the first row.
        bottom_N: the row after its last; no more than `top_N` where there is no box.
        left_N: the first column.
        right_N: the column after its last.
    """

    top_N: Tensor
    bottom_N: Tensor
    left_N: Tensor
    right_N: Tensor

    def take(self, index_B: Tensor) -> "Boxes":
        """The boxes at these places."""
        sides = (self.top_N, self.bottom_N, self.left_N, self.right_N)
        return Boxes(*(side_N[index_B] for side_N in sides))

    def mask(self, height: int, width: int, device: torch.device) -> Tensor:
        """Which pixels the boxes cover: bool, BHW, on a device."""
        top, bottom, left, right = (
            side_B.to(device, non_blocking=True)[:, None]
            for side_B in (self.top_N, self.bottom_N, self.left_N, self.right_N)
        )
        row_H = torch.arange(height, device=device)
        column_W = torch.arange(width, device=device)
        is_row_BH = (row_H >= top) & (row_H < bottom)
        is_column_BW = (column_W >= left) & (column_W < right)
        return is_row_BH[:, :, None] & is_column_BW[:, None]


def draw_cutout(
    num: int, side: int, height: int, width: int, rng: torch.Generator
) -> Boxes:
    """Squares of `side` pixels around any pixel (DeVries & Taylor 2017).

    As in the paper a square may lie partly outside, so that it hides between a quarter
    and the whole of it.
    """
    top_N = torch.randint(height, (num,), generator=rng) - side // 2
    left_N = torch.randint(width, (num,), generator=rng) - side // 2
    return Boxes(top_N, top_N + side, left_N, left_N + side)


def draw_erasing(
    num: int, probability: float, height: int, width: int, rng: torch.Generator
) -> Boxes:
    """Boxes of any form that lie inside, for a part of the images (Zhong et al. 2020).

    Of `NUM_TRIES` forms the first that is smaller than the image in both directions is
    taken; where none is, the image stays whole, as in torchvision.
    """
    is_erased_N = torch.rand(num, generator=rng) < probability
    area_NT = height * width * _even(AREA, num, rng)
    ratio_NT = _even((math.log(RATIO[0]), math.log(RATIO[1])), num, rng).exp()
    height_NT = (area_NT * ratio_NT).sqrt().round().long()
    width_NT = (area_NT / ratio_NT).sqrt().round().long()
    fits_NT = (height_NT < height) & (width_NT < width)
    # The first of equals: `argmax` alone does not say which it finds.
    first_N1 = fits_NT.long().cumsum(1).eq(1).long().argmax(1, keepdim=True)
    is_box_N = is_erased_N & fits_NT.any(1)
    height_N = height_NT.gather(1, first_N1)[:, 0] * is_box_N
    width_N = width_NT.gather(1, first_N1)[:, 0] * is_box_N
    top_N = _below(height - height_N + 1, rng)
    left_N = _below(width - width_N + 1, rng)
    return Boxes(top_N, top_N + height_N, left_N, left_N + width_N)


def hide(images_BCHW: Tensor, mask_BHW: Tensor) -> None:
    """Put 0 where the mask is; that is the mean colour once pixels are normalised."""
    images_BCHW.masked_fill_(mask_BHW[:, None], 0.0)


def _even(bounds: tuple[float, float], num: int, rng: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand((num, NUM_TRIES), generator=rng)


def _below(limit_N: Tensor, rng: torch.Generator) -> Tensor:
    """A whole number from 0, below each limit."""
    part_N = torch.rand(limit_N.shape, generator=rng, dtype=torch.float64)
    return (part_N * limit_N).long()
