"""What a step learns from, and what is told of it.

Legend: B images of a share, K classes. Labels are int64 B, or mixed: float32 BK, each
row of which sums to 1.
"""

import torch
from torch import Tensor
from torch.nn import functional


def training_loss(
    logits_BK: Tensor, labels: Tensor, *, smoothing: float, weights_K: Tensor | None
) -> Tensor:
    """The sum over a share that gradients are taken of: cross-entropy.

    Args:
        logits_BK: float32.
        labels: classes, or mixed labels.
        smoothing: how much of each label is spread over all classes, in [0, 1).
        weights_K: of the classes; None: all weigh 1.
    """
    return functional.cross_entropy(
        logits_BK, labels, weight=weights_K, reduction="sum", label_smoothing=smoothing
    )


def told_sums(logits_BK: Tensor, labels: Tensor, loss: Tensor | None) -> Tensor:
    """The sums that `train.loss` and `train.accuracy` are made of.

    The loss is the cross-entropy without smoothing and weights, so that arms with and
    without them compare. Where labels are mixed it is that of the mixed labels, and a
    prediction is right by the part that its class has in the label.

    Args:
        logits_BK: float32.
        labels: classes, or mixed labels.
        loss: the training loss, where it is the plain cross-entropy already.
    """
    if loss is None:
        loss = functional.cross_entropy(logits_BK, labels, reduction="sum")
    found_B = logits_BK.argmax(1)
    if labels.is_floating_point():
        correct = labels.gather(1, found_B[:, None]).sum()
    else:
        correct = (found_B == labels).sum()
    return torch.stack([loss, correct])
