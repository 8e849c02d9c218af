"""Shears, shifts and rotations of whole batches, each image by its own.

An image is read at the nearest pixel, and black beyond its edges, as RandAugment and
TrivialAugment do by default everywhere.

Legend: B images; C channels, H height, W width.
"""

import torch
from torch import Tensor


def transform(images_BCHW: Tensor, matrix_B23: Tensor) -> Tensor:
    """Each image seen through an affine map from its place to where it is read.

    Args:
        images_BCHW: uint8.
        matrix_B23: float32, on the same device; takes the centre of a pixel, seen from
            the middle of the image, to the point that its colour is read at.

    Returns:
        uint8 images of the same size, in new memory.
    """
    num, channels, height, width = images_BCHW.shape
    device = images_BCHW.device
    column_W = torch.arange(width, device=device) + (0.5 - width / 2)
    row_H1 = (torch.arange(height, device=device) + (0.5 - height / 2))[:, None]
    # Beyond an edge is the frame of a pixel around the image.
    framed = images_BCHW.new_zeros(num, channels, height + 2, width + 2)
    framed[:, :, 1:-1, 1:-1] = images_BCHW
    across, down = (
        _source(matrix_B23[:, axis], column_W, row_H1, size)
        for axis, size in enumerate((width, height))
    )
    # By way of int32, which a CPU does for many at once.
    place_BHW = down.mul_(width + 2).add_(across).int().long()
    index = place_BHW.view(num, 1, -1).expand(-1, channels, -1)
    return framed.flatten(2).gather(2, index).view(images_BCHW.shape)


def _source(terms_B3: Tensor, column_W: Tensor, row_H1: Tensor, size: int) -> Tensor:
    """The row or column of the framed image that each pixel is read at, as BHW."""
    by_column, by_row, shift = (terms_B3[:, term, None, None] for term in range(3))
    # From the middle to the corner, and on by the frame.
    start = shift + (size / 2 + 1)
    source_BHW = (by_column * column_W + start) + by_row * row_H1
    return source_BHW.floor_().clamp_(0, size + 1)


def shear(by: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The terms of a shear along one axis that leaves the first edge where it is.

    Args:
        by: pixels along the axis a pixel across it, float32 B.
        size: pixels of the image across the axis.

    Returns:
        What a pixel across adds, and the shift.
    """
    return by, by * (size / 2)


def rotation(degrees_B: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of anticlockwise rotations, float32."""
    radians_B = degrees_B.double().deg2rad()
    return radians_B.cos().float(), radians_B.sin().float()
