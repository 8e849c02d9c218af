"""Test-time augmentation: a network looks at several views of an image.

Its probabilities are averaged over them. Every evaluation of a trial does so, that of
each epoch's validation, too: the best epoch is chosen by what is tested.

Legend: B images; C channels, H height, W width; K classes.
"""

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional


def views(
    images_BCHW: Tensor, kind: str, padding: int, black_C11: Tensor
) -> Iterator[Tensor]:
    """The views of normalised images, the images themselves first.

    Args:
        images_BCHW: float32.
        kind: `flip`: and mirrored. `crops`: and cut at the four corners of the padded
            images. `flip_crops`: all five, and mirrored. `none`: no other.
        padding: of black pixels, as in training.
        black_C11: a black pixel, normalised.
    """
    crops = [images_BCHW]
    if kind in ("crops", "flip_crops"):
        crops += _corners(images_BCHW, padding, black_C11)
    for crop_BCHW in crops:
        yield crop_BCHW
        if kind in ("flip", "flip_crops"):
            yield crop_BCHW.flip(-1)


def averaged_logits(module: nn.Module, images: Iterable[Tensor]) -> Tensor:
    """Logits BK whose softmax is the mean of the views' probabilities; of one, its own.

    They are the logarithms of those probabilities, so that a label's cross-entropy is
    that of the mean, and exact where a probability is nearly 0.
    """
    logits_VBK: list[Tensor] = [module(view).float() for view in images]
    if len(logits_VBK) == 1:
        return logits_VBK[0]
    logs_VBK = torch.stack([logits_BK.log_softmax(1) for logits_BK in logits_VBK])
    mean_BK: Tensor = logs_VBK.logsumexp(0) - math.log(len(logs_VBK))
    return mean_BK


def _corners(images_BCHW: Tensor, padding: int, black_C11: Tensor) -> Iterator[Tensor]:
    # Black is 0 in what is left when a black pixel is taken away.
    padded = functional.pad(images_BCHW - black_C11, (padding,) * 4).add_(black_C11)
    height, width = images_BCHW.shape[2:]
    for top in (0, 2 * padding):
        for left in (0, 2 * padding):
            yield padded[:, :, top : top + height, left : left + width]
