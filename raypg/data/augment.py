"""Crop, mirror and normalise whole batches of uint8 images, on any device.

Legend: B images, C channels, H height, W width.
"""

import torch
from torch import Tensor


def crop_and_flip(
    images_BCHW: Tensor,
    top_B: Tensor,
    left_B: Tensor,
    is_flipped_B: Tensor,
    padding: int,
) -> Tensor:
    """Each image padded with zeros, cut at its own corner, perhaps mirrored.

    Args:
        images_BCHW: uint8.
        top_B: first row of the cut in the padded image, 0 to 2 · padding, int64.
        left_B: first column, likewise.
        is_flipped_B: whether the cut is mirrored left to right.
        padding: rows and columns of zeros on every side.

    Returns:
        Images of the same shape, in new memory.
    """
    batch, channels, height, width = images_BCHW.shape
    padded = torch.nn.functional.pad(images_BCHW, (padding,) * 4)
    rows_BH = top_B[:, None] + torch.arange(height, device=top_B.device)
    columns_W = torch.arange(width, device=top_B.device)
    columns_BW = torch.where(is_flipped_B[:, None], columns_W.flip(0), columns_W)
    columns_BW = columns_BW + left_B[:, None]
    index_B = torch.arange(batch, device=top_B.device)
    return padded[
        index_B[:, None, None, None],
        torch.arange(channels, device=top_B.device)[None, :, None, None],
        rows_BH[:, None, :, None],
        columns_BW[:, None, None, :],
    ]


def normalise(images_BCHW: Tensor, scale_C11: Tensor, shift_C11: Tensor) -> Tensor:
    """Float32 images `scale * pixel + shift`, from uint8 pixels, in new memory."""
    return images_BCHW.to(torch.float32).mul_(scale_C11).add_(shift_C11)
