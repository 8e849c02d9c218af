"""How much each class counts in the training loss, from how many images it has."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raypg.config import TrainConfig


def class_weights(
    config: TrainConfig, labels_N: NDArray[np.int64], num_classes: int
) -> Tensor | None:
    """The weights of K classes, float32; None where every class counts alike.

    `balanced` is n / (K · n_k), as scikit-learn's. `effective` is in proportion to
    (1 - b) / (1 - b^n_k) with b = `train.effective_beta` (Cui et al. 2019). Both are
    scaled so that the mean over the training images is 1: the learning rate means what
    it means without them. A class without an image weighs 0.
    """
    if config.class_weights == "none":
        return None
    count_K = np.bincount(labels_N, minlength=num_classes).astype(np.float64)
    seen_K = count_K.clip(min=1)
    if config.class_weights == "balanced":
        weight_K = 1 / seen_K
    else:
        weight_K = (1 - config.effective_beta) / (1 - config.effective_beta**seen_K)
    weight_K *= count_K > 0
    weight_K *= count_K.sum() / (weight_K @ count_K)
    return torch.from_numpy(weight_K.astype(np.float32))
