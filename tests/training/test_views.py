"""Test-time augmentation, against torchvision's crops and plain averages."""

from collections.abc import Iterable
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms.v2 import functional as torchvision

from raypg.data.pipeline import Batches
from raypg.training import evaluation
from raypg.training.evaluation import evaluate
from raypg.training.parts import build_parts
from raypg.training.views import averaged_logits, views
from tests.training.tiny import ALONE, digits, tiny_config, train_tiny

RAW = torch.randint(1, 256, (5, 3, 8, 9), generator=torch.Generator().manual_seed(0))
SCALE, BLACK = torch.tensor([0.1, 0.2, 0.3])[:, None, None], -torch.ones(3, 1, 1)


def normalised(raw: Tensor) -> Tensor:
    return raw * SCALE + BLACK


def expected_views(kind: str, padding: int) -> list[Tensor]:
    """The same by torchvision, on the images as they were before normalisation."""
    found = [RAW]
    if "crops" in kind:
        corners = torchvision.five_crop(torchvision.pad(RAW, [padding]), [8, 9])
        found += corners[:4]
    if "flip" in kind:
        found = [view for one in found for view in (one, torchvision.hflip(one))]
    return [normalised(view) for view in found]


@pytest.mark.parametrize("kind", ["none", "flip", "crops", "flip_crops"])
def test_views_are_torchvision_s_crops_and_mirror_images(kind: str) -> None:
    found = list(views(normalised(RAW), kind, 2, BLACK))
    expected = expected_views(kind, 2)
    assert (
        len(found)
        == len(expected)
        == {"n": 1, "f": 2, "c": 5}[kind[0]] * (5 if kind == "flip_crops" else 1)
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_probabilities_are_averaged_and_not_logits() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(216, 4))
    seen = [normalised(RAW), normalised(RAW).flip(-1)]
    mean = sum(network(view).softmax(1) for view in seen) / 2
    found = averaged_logits(network, seen)
    torch.testing.assert_close(found.softmax(1), mean)
    labels = torch.tensor([0, 1, 2, 3, 0])
    loss = functional.cross_entropy(found, labels)
    torch.testing.assert_close(loss, functional.nll_loss(mean.log(), labels))


def test_one_view_gives_the_network_s_own_logits_bit_for_bit() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(216, 4))
    found = averaged_logits(network, [normalised(RAW)])
    assert torch.equal(found, network(normalised(RAW)))


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_evaluation_averages_over_its_views(split: str) -> None:
    config = tiny_config(train__tta="flip")
    parts = build_parts(config, digits(config), ALONE)
    batches = parts.test_batches() if split == "test" else parts.val_batches
    found = evaluate(parts.stepper, parts.module, batches, split)
    parts.module.eval()
    (images, labels), *more = batches.epoch(0)
    assert not more
    with torch.no_grad():
        both = torch.stack([parts.module(v) for v in (images, images.flip(-1))])
    mean = both.softmax(2).mean(0)
    assert found.accuracy == pytest.approx((mean.argmax(1) == labels).float().mean())
    assert found.loss == pytest.approx(functional.nll_loss(mean.log(), labels).item())
    assert torch.allclose(found.probabilities_NK.float(), mean, atol=1e-3)


def test_validation_of_each_epoch_and_the_test_have_the_views() -> None:
    seen: list[int] = []

    def count(module: nn.Module, images: Iterable[Tensor]) -> Tensor:
        them = list(images)
        seen.append(len(them))
        return averaged_logits(module, them)

    padded: dict[str, Any] = {"data__crop_padding": 1, "train__epochs": 2}
    with patch.object(evaluation, "averaged_logits", count):
        plain = train_tiny(tiny_config(**padded))[0]
        five = train_tiny(tiny_config(**padded, train__tta="crops"))[0]
    assert seen == [1] * 3 + [5] * 3
    assert plain.best["train.loss"] == five.best["train.loss"]
    assert plain.best["val.loss"] != five.best["val.loss"]


def test_a_black_pixel_is_what_the_pipeline_makes_of_it() -> None:
    data = digits(tiny_config())
    config = tiny_config()
    batches: Batches = build_parts(config, data, ALONE).val_batches
    expected = torch.tensor([-data.mean[0] / data.std[0]])[:, None, None]
    torch.testing.assert_close(batches.black_C11, expected)
