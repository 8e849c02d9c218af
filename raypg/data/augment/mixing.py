"""Mixup and cutmix: each image of a batch is mixed with the one before it.

The examples of a batch are in random order, so that the neighbour is as random as any
permutation (torchvision's and timm's choice). And it needs no word between workers: the
neighbour of a share's first image is one image more to gather.

Legend: B images of a share, K classes; C channels, H height, W width.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from raypg.data.augment.draws import seed_stream


@dataclass(frozen=True)
class Mixing:
    """Which mixing a training has, by the parameter of its Beta(alpha, alpha).

    Args:
        mixup: of the weights of two images; 0: none.
        cutmix: of the area that stays; 0: none. With both, a fair coin decides for each
            batch.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __bool__(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0


@dataclass(frozen=True)
class Mix:
    """What is done to one global batch.

    Args:
        own: how much of a label stays the image's own, in [0, 1].
        box: top, bottom, left and right of what is cut from the neighbour; None: mixup.
    """

    own: float
    box: tuple[int, int, int, int] | None = None

    def images(self, images_BCHW: Tensor, others_BCHW: Tensor) -> Tensor:
        """The mixed images, in new memory."""
        if self.box is None:
            return torch.lerp(others_BCHW, images_BCHW, self.own)
        top, bottom, left, right = self.box
        mixed_BCHW = images_BCHW.clone()
        window = (..., slice(top, bottom), slice(left, right))
        mixed_BCHW[window] = others_BCHW[window]
        return mixed_BCHW

    def labels(self, labels_B: Tensor, others_B: Tensor, num_classes: int) -> Tensor:
        """The mixed labels: float32 BK, each row sums to 1."""
        own_BK, other_BK = (
            functional.one_hot(which_B, num_classes).float()
            for which_B in (labels_B, others_B)
        )
        return torch.lerp(other_BK, own_BK, self.own)


def draw_mixes(
    num_steps: int, mixing: Mixing, height: int, width: int, seed: int, epoch: int
) -> list[Mix]:
    """The mix of each global batch of an epoch, whoever shares it."""
    # Of NumPy's generators the one whose streams no version of it may change.
    start = np.random.MT19937(seed_stream(seed, epoch, "mixing"))
    rng = np.random.RandomState(start)
    return [_draw_mix(mixing, height, width, rng) for _ in range(num_steps)]


def _draw_mix(
    mixing: Mixing, height: int, width: int, rng: np.random.RandomState
) -> Mix:
    is_cutmix = mixing.cutmix > 0 and (rng.random_sample() < 0.5 or not mixing.mixup)
    alpha = mixing.cutmix if is_cutmix else mixing.mixup
    own = float(rng.beta(alpha, alpha))
    row, column = (int(rng.random_sample() * size) for size in (height, width))
    if not is_cutmix:
        return Mix(own)
    # Yun et al. 2019: the box has the part 1 - own of the area, before it is clipped.
    half_height, half_width = (int(0.5 * (1 - own) ** 0.5 * s) for s in (height, width))
    top, bottom = max(row - half_height, 0), min(row + half_height, height)
    left, right = max(column - half_width, 0), min(column + half_width, width)
    cut = (bottom - top) * (right - left) / (height * width)
    return Mix(1 - cut, (top, bottom, left, right))
