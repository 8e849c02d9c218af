"""The colour operations of RandAugment on whole batches of uint8 images.

Each takes images BCHW and, where it has a strength, one for each image; it gives new
images. With a factor of 1 an image stays as it is, with 0 it is black, grey, of one
grey, or blurred. Results are cut to whole levels, as Pillow and torchvision do.

Legend: B images; C channels (1 or 3), H height, W width.
"""

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)
"""What red, green and blue weigh in a grey level (ITU-R 601-2)."""


def brightness(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Black at 0."""
    return _levels(images_BCHW.float().mul_(_each(factor_B)))


def color(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Saturation: grey at 0. Images of one channel stay as they are."""
    if images_BCHW.shape[1] == 1:
        return images_BCHW
    return _blend(images_BCHW.float(), _grey(images_BCHW), factor_B)


def contrast(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """The mean grey level of the image at 0."""
    images = images_BCHW.float()
    grey = images if images.shape[1] == 1 else _grey(images_BCHW)
    # Doubles: a sum of whole numbers is exact, however many images there are.
    mean_B111 = grey.sum((1, 2, 3), keepdim=True, dtype=torch.float64)
    return _blend(images, (mean_B111 / grey[0].numel()).float(), factor_B)


def sharpness(images_BCHW: Tensor, factor_B: Tensor) -> Tensor:
    """Smoothed at 0, all but the outermost pixels, which stay as they are."""
    if min(images_BCHW.shape[-2:]) <= 2:
        return images_BCHW
    levels = images_BCHW.short()
    rows = levels[..., :-2, :] + levels[..., 1:-1, :] + levels[..., 2:, :]
    around = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    inside = levels[..., 1:-1, 1:-1]
    smooth = around.add_(inside, alpha=4).float().div_(13).round_()
    result = images_BCHW.clone()
    result[..., 1:-1, 1:-1] = _blend(inside.float(), smooth, factor_B)
    return result


def posterize(images_BCHW: Tensor, bits_B: Tensor) -> Tensor:
    """The highest bits of each level; the others are 0."""
    mask_B = (255 << (8 - bits_B.long())) & 255
    return images_BCHW & _each(mask_B.to(torch.uint8))


def solarize(images_BCHW: Tensor, threshold_B: Tensor) -> Tensor:
    """Levels from a threshold on are inverted."""
    # The sign of a difference is a mask of all bits: comparing uint8 with a number for
    # each image, and `where`, take ten times as long on a CPU.
    below = _each(threshold_B.ceil().to(torch.int16) - 1) - images_BCHW.short()
    return images_BCHW ^ (below >> 15).to(torch.uint8)


def autocontrast(images_BCHW: Tensor) -> Tensor:
    """Each channel stretched to all levels; a channel of one level stays as it is."""
    low = images_BCHW.amin((2, 3), keepdim=True)
    span = images_BCHW.amax((2, 3), keepdim=True) - low
    is_flat = span == 0
    low = low.masked_fill(is_flat, 0)
    span = span.masked_fill(is_flat, 255)
    # Products of whole numbers below 2^24 are exact, and so is the floor of the ratio.
    return _levels((images_BCHW - low).float().mul_(255).div_(span))


def equalize(images_BCHW: Tensor) -> Tensor:
    """Each channel's levels spread so that all are as frequent, by Pillow's rule."""
    num, channels, height, width = images_BCHW.shape
    levels = images_BCHW.flatten(2).long()
    # Counted as whole numbers, which are the same in any order, on a GPU too.
    first = torch.arange(0, num * channels * 256, 256, device=levels.device)
    place = levels + first.view(num, channels, 1)
    counts = torch.bincount(place.flatten(), minlength=num * channels * 256)
    counts = counts.view(num, channels, 256)
    below = (counts.cumsum(2) - counts).float()
    highest = images_BCHW.flatten(2).amax(2, keepdim=True).long()
    step = ((height * width - counts.gather(2, highest)) / 255).floor_()
    # Floats hold these whole numbers exactly, and divide faster than integers do.
    new_levels = below.add_((step / 2).floor_()).div_(step.clamp(min=1)).floor_()
    # An image with too few pixels beside its highest level stays as it is.
    same = torch.arange(256, device=levels.device, dtype=torch.float32)
    table = _levels(torch.where(step == 0, same, new_levels))
    return table.gather(2, levels).view(images_BCHW.shape)


def _grey(images_BCHW: Tensor) -> Tensor:
    """Whole grey levels, float32 B1HW."""
    red, green, blue = (images_BCHW[:, place : place + 1] for place in range(3))
    grey: Tensor = red * GREY[0]
    return grey.add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2]).floor_()


def _blend(images: Tensor, others: Tensor, factor_B: Tensor) -> Tensor:
    """From the others, at a factor of 0, towards and past the images, in place.

    Where both are of one level they stay at it, which a sum of two parts would miss.
    """
    return _levels(images.sub_(others).mul_(_each(factor_B)).add_(others))


def _levels(values: Tensor) -> Tensor:
    """Cut to whole levels, uint8; writes into the values."""
    # By way of int16, which a CPU does for many at once: a quarter of the time.
    return values.clamp_(0, 255).to(torch.int16).to(torch.uint8)


def _each(value_B: Tensor) -> Tensor:
    return value_B[:, None, None, None]
