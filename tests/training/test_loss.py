from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from raypg.config import TrainConfig
from raypg.data import Split
from raypg.training.class_weights import class_weights
from raypg.training.loop import train
from raypg.training.loss import told_sums, training_loss
from tests.fakes import FakeLink
from tests.training.tiny import ALONE, digits, tiny_config, train_tiny

LOGITS = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
FIRST = torch.tensor([0, 1, 2, 3, 0, 1, 2, 3, 0])
SECOND = torch.tensor([1, 1, 0, 3, 2, 2, 0, 1, 3])
ONE_HOT = functional.one_hot(FIRST, 4).float()
MIXED = 0.7 * ONE_HOT + 0.3 * functional.one_hot(SECOND, 4)
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 0.1])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_mixed_labels_cost_what_their_two_labels_cost(
    smoothing: float, weights: torch.Tensor | None
) -> None:
    def cost(labels: torch.Tensor) -> torch.Tensor:
        return training_loss(LOGITS, labels, smoothing=smoothing, weights_K=weights)

    torch.testing.assert_close(cost(ONE_HOT), cost(FIRST))
    torch.testing.assert_close(cost(MIXED), 0.7 * cost(FIRST) + 0.3 * cost(SECOND))


def test_what_is_told_has_no_smoothing_and_no_weights() -> None:
    loss, correct = told_sums(LOGITS, FIRST, None)
    expected = functional.cross_entropy(LOGITS, FIRST, reduction="sum")
    assert torch.equal(loss, expected)
    assert correct == (LOGITS.argmax(1) == FIRST).sum()


def test_a_prediction_is_right_by_its_part_of_a_mixed_label() -> None:
    found = LOGITS.argmax(1)
    expected = 0.7 * (found == FIRST).sum() + 0.3 * (found == SECOND).sum()
    torch.testing.assert_close(told_sums(LOGITS, MIXED, None)[1], expected)


def test_the_loss_of_a_trial_is_told_as_if_labels_were_not_smoothed() -> None:
    # An epoch of one step tells what was before it, and then has learnt from it.
    one_step: dict[str, Any] = {"train__epochs": 1, "train__batch_size": 120}
    plain = train_tiny(tiny_config(**one_step))[1].metrics[0]
    smoothing: dict[str, Any] = {**one_step, "train__label_smoothing": 0.3}
    smoothed = train_tiny(tiny_config(**smoothing))[1].metrics[0]
    assert plain["train.loss"] == smoothed["train.loss"]
    assert plain["val.loss"] != smoothed["val.loss"]


LABELS = np.repeat(np.arange(4), [100, 50, 7, 3]).astype(np.int64)


def weights(kind: str, beta: float = 0.999, num_classes: int = 4) -> np.ndarray:
    config = TrainConfig(class_weights=kind, effective_beta=beta)  # type: ignore[arg-type]
    found = class_weights(config, LABELS, num_classes)
    assert found is not None
    return found.numpy()


def test_balanced_weights_are_scikit_learn_s() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(4), y=LABELS)
    assert weights("balanced") == pytest.approx(expected)


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999])
def test_effective_weights_are_in_the_paper_s_proportions(beta: float) -> None:
    # Cui et al. 2019, equation 2: the sum of a geometric series is what n images count.
    effective = [sum(beta**i for i in range(n)) for n in (100, 50, 7, 3)]
    found = weights("effective", beta)
    assert found * effective == pytest.approx(found[0] * effective[0])
    assert found[LABELS].mean() == pytest.approx(1)


def test_a_class_without_an_image_weighs_nothing() -> None:
    found = weights("balanced", num_classes=5)
    assert found[:4] == pytest.approx(weights("balanced"))
    assert found[4] == 0


def test_weights_alter_what_a_trial_learns_where_classes_differ() -> None:
    whole = digits(tiny_config())
    few = Split(whole.train.images_NCHW[:70], np.sort(whole.train.labels_N)[:70])
    uneven = replace(whole, train=few)
    losses = set()
    for kind in ("none", "balanced", "effective"):
        config = tiny_config(train__class_weights=kind)
        losses.add(train(config, uneven, ALONE, FakeLink()).best["val.loss"])
    assert len(losses) == 3
