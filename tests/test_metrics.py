"""Metrics against formulas written out a second time, in plain Python."""

import math

import pytest
import torch
from torch import Tensor

from raypg.errors import DataError
from raypg.metrics import accuracy, calibration_error, correct_count, cross_entropy_sum


def sample(num_examples: int = 200, num_classes: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits_BK = 2 * torch.randn(num_examples, num_classes, generator=generator)
    labels_B = torch.randint(num_classes, (num_examples,), generator=generator)
    return logits_BK, labels_B


def plain_calibration_error(
    probs_BK: list[list[float]], labels_B: list[int], num_bins: int
) -> float:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for row, label in zip(probs_BK, labels_B, strict=True):
        confidence = max(row)
        member = (confidence, row.index(confidence) == label)
        bins.setdefault(max(math.ceil(confidence * num_bins), 1), []).append(member)
    total = 0.0
    for members in bins.values():
        confidence = sum(c for c, _ in members) / len(members)
        hits = sum(hit for _, hit in members) / len(members)
        total += len(members) / len(labels_B) * abs(hits - confidence)
    return total


def test_correct_and_accuracy_count_the_first_class() -> None:
    logits_BK = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]])
    labels_B = torch.tensor([1, 1, 0, 1])
    assert correct_count(logits_BK, labels_B).item() == 3
    assert accuracy(logits_BK, labels_B) == 0.75


def test_cross_entropy_is_the_negative_log_of_the_own_probability() -> None:
    logits_BK, labels_B = sample()
    rows = zip(logits_BK.tolist(), labels_B.tolist(), strict=True)
    plain = sum(math.log(sum(map(math.exp, row))) - row[own] for row, own in rows)
    assert cross_entropy_sum(logits_BK, labels_B).item() == pytest.approx(plain)


def test_cross_entropy_sums_half_precision_without_losing_examples() -> None:
    logits_BK = torch.zeros(10_000, 2, dtype=torch.bfloat16)
    labels_B = torch.zeros(10_000, dtype=torch.int64)
    loss = cross_entropy_sum(logits_BK, labels_B)
    assert loss.item() == pytest.approx(10_000 * math.log(2))


@pytest.mark.parametrize("num_bins", [1, 10, 15])
def test_calibration_error_is_the_papers(num_bins: int) -> None:
    logits_BK, labels_B = sample()
    probs_BK = logits_BK.softmax(1)
    plain = plain_calibration_error(probs_BK.tolist(), labels_B.tolist(), num_bins)
    ours = calibration_error(probs_BK, labels_B, num_bins=num_bins)
    assert ours == pytest.approx(plain, abs=1e-9)


def test_calibration_error_of_known_cases() -> None:
    certain_BK = torch.tensor([[1.0, 0.0]] * 4)
    right_B, wrong_B = torch.zeros(4).long(), torch.ones(4).long()
    assert calibration_error(certain_BK, right_B, num_bins=10) == 0
    assert calibration_error(certain_BK, wrong_B, num_bins=10) == 1
    half_B = torch.tensor([0, 0, 1, 1])
    even_BK = torch.tensor([[0.5, 0.5]] * 4)
    assert calibration_error(even_BK, half_B, num_bins=10) == 0


def test_an_empty_split_has_no_metric() -> None:
    nothing_BK, nothing_B = torch.zeros(0, 3), torch.zeros(0).long()
    with pytest.raises(DataError, match="accuracy: needs at least one example"):
        accuracy(nothing_BK, nothing_B)
    with pytest.raises(DataError, match="at least one example"):
        calibration_error(nothing_BK, nothing_B, num_bins=10)
