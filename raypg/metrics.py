"""What is measured on predictions: pure functions of tensors.

Shapes: B examples, K classes. Sums come back as scalar tensors on the inputs' device,
so that a loop adds them up without waiting for a GPU; what is final is a float.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from raypg.errors import DataError


def correct_count(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """How many examples have their own class first, int64; the first of equals wins."""
    return (logits_BK.argmax(1) == labels_B).sum()


def cross_entropy_sum(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """Negative log-likelihood in nats, summed over examples in float64.

    Half-precision logits are widened first: a sum over a split in bf16 loses digits.
    """
    return F.cross_entropy(logits_BK.double(), labels_B, reduction="sum")


def accuracy(scores_BK: Tensor, labels_B: Tensor) -> float:
    """Share of examples whose own class has the highest score, in [0, 1].

    Args:
        scores_BK: logits or probabilities.
        labels_B: class indices in [0, K), int64.

    Raises:
        DataError: B is 0. An empty split has no accuracy.
    """
    _require_examples(labels_B, "accuracy")
    return correct_count(scores_BK, labels_B).item() / len(labels_B)


def calibration_error(
    probs_BK: Tensor, labels_B: Tensor, *, num_bins: int = 15
) -> float:
    """Expected calibration error (Guo et al. 2017, section 2); 0 is calibrated.

    Args:
        probs_BK: softmax outputs in [0, 1], float32; each row sums to 1.
        labels_B: class indices in [0, K), int64.
        num_bins: equal-width confidence bins, at least 1.

    Raises:
        DataError: B is 0. An empty split has no calibration.
    """
    _require_examples(labels_B, "calibration_error")
    confidence_B, guess_B = probs_BK.double().max(1)
    # Bins are open below, as in the paper: (0, 1/M], (1/M, 2/M], ...
    bin_B = (confidence_B * num_bins).ceil().long().clamp(1, num_bins) - 1
    gap_B = (guess_B == labels_B).double() - confidence_B
    gap_M = torch.zeros(num_bins, dtype=torch.float64, device=gap_B.device)
    gap_M.index_add_(0, bin_B, gap_B)
    return gap_M.abs().sum().item() / len(labels_B)


def _require_examples(labels_B: Tensor, what: str) -> None:
    if len(labels_B) == 0:
        raise DataError(what, "needs at least one example", "none", "Is a split empty?")
