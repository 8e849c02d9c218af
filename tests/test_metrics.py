"""The metrics of validation, against scikit-learn and by hand."""

import pytest
import torch
from sklearn import metrics as theirs
from torch import Tensor

from raypg.errors import DataError
from raypg.metrics import (
    METRICS,
    balanced_accuracy,
    calibration_error,
    column_of,
    macro_f1,
    top5_accuracy,
)
from raypg.space.checks import METRICS as MODES


def drawn(num: int, num_classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    logits_NK = torch.randn(num, num_classes, generator=rng)
    labels_N = torch.randint(num_classes, (num,), generator=rng)
    logits_NK[torch.arange(num), labels_N] += 1
    return logits_NK, labels_N


def test_every_metric_says_which_end_is_the_good_one() -> None:
    known = {column_of(name) for name in METRICS} | {"val.accuracy", "val.loss"}
    assert known == MODES.keys()


@pytest.mark.parametrize(("num", "num_classes"), [(200, 10), (7, 10), (50, 3)])
def test_they_are_those_of_scikit_learn(num: int, num_classes: int) -> None:
    logits_NK, labels_N = drawn(num, num_classes)
    predicted = logits_NK.argmax(1).numpy()
    labels = labels_N.numpy()
    assert macro_f1(logits_NK, labels_N) == pytest.approx(
        theirs.f1_score(labels, predicted, average="macro", zero_division=0)
    )
    recalls = theirs.recall_score(
        labels, predicted, labels=sorted({*labels.tolist()}), average="macro"
    )
    assert balanced_accuracy(logits_NK, labels_N) == pytest.approx(recalls)
    top = (
        theirs.top_k_accuracy_score(
            labels, logits_NK.numpy(), k=min(5, num_classes), labels=range(num_classes)
        )
        if num_classes > 5
        else 1.0
    )
    assert top5_accuracy(logits_NK, labels_N) == pytest.approx(top)


def test_the_calibration_error_is_that_of_the_paper() -> None:
    # Two bins: confidences 0.6 and 0.8 in one of [0.5, 1], of which half are right.
    confidences = torch.tensor([0.6, 0.8, 0.4])
    rest = (1 - confidences) / 2
    probs_NK = torch.stack([confidences, rest + 0.01, rest - 0.01], 1)
    labels_N = torch.tensor([0, 1, 0])
    found = calibration_error(probs_NK.log(), labels_N, num_bins=2)
    assert found == pytest.approx(abs(1 - 1.4) / 3 + abs(1 - 0.4) / 3, abs=1e-6)


def test_a_calibrated_network_has_no_error() -> None:
    logits_NK = torch.zeros(4, 2)
    assert calibration_error(logits_NK, torch.tensor([0, 1, 0, 1])) == 0


def test_an_empty_split_has_no_calibration() -> None:
    with pytest.raises(DataError, match="needs examples"):
        calibration_error(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
