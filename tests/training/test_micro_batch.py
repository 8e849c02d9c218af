"""A step in pieces learns what the whole step learns, and no piece is too large."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from raypg.models import MODELS
from raypg.training.evaluation import evaluate
from raypg.training.parts import build_parts
from raypg.training.step import _pieces
from tests.fakes import FakeLink, digest
from tests.training.ranks import learn_without_norms
from tests.training.tiny import ALONE, digits, drift, tiny_config, train_tiny


@pytest.mark.parametrize("name", sorted(MODELS))
def test_pieces_have_the_gradients_of_the_whole_where_no_batch_counts(
    name: str,
) -> None:
    whole = learn_without_norms(name, ALONE)
    pieces = learn_without_norms(name, ALONE, train__micro_batch=7)
    for what in ("gradients", "weights"):
        for one, other in zip(whole[what], pieces[what], strict=True):
            assert torch.allclose(one, other, rtol=0, atol=drift(name, what))


def test_pieces_give_the_metrics_of_the_whole() -> None:
    links = [
        train_tiny(tiny_config(model__dropout=0.0, train__micro_batch=size))[1]
        for size in (0, 7)
    ]
    for whole, pieces in zip(*(link.metrics for link in links), strict=True):
        assert pieces["train.loss"] == pytest.approx(whole["train.loss"], rel=1e-5)
        assert pieces["train.accuracy"] == whole["train.accuracy"]
        assert pieces["val.loss"] == pytest.approx(whole["val.loss"], rel=1e-5)


def test_a_piece_as_large_as_the_share_changes_no_bit() -> None:
    digests = []
    for size in (0, 31, 64):
        link = FakeLink()
        train_tiny(tiny_config("cnn", train__micro_batch=size), link)
        # Not what it says of the validation split, which goes through it in pieces.
        digests.append([digest(state.model) for state in link.states])
    assert digests[0] == digests[1] == digests[2]


def test_a_whole_step_is_plain_torch_to_the_last_bit() -> None:
    parts = build_parts(tiny_config(), digits(tiny_config()), ALONE)
    images, labels = next(iter(parts.batches.epoch(1)))
    random = torch.random.get_rng_state()
    parts.module.zero_grad()
    total = functional.cross_entropy(parts.module(images), labels, reduction="sum")
    (total * (1 / 31)).backward()  # type: ignore[no-untyped-call]
    plain = [w.grad.clone() for w in parts.module.parameters() if w.grad is not None]
    torch.random.set_rng_state(random)
    parts.stepper.step(images, labels, 31)
    for weight, gradient in zip(parts.module.parameters(), plain, strict=True):
        assert weight.grad is not None
        assert torch.equal(weight.grad, gradient)


def test_half_precision_learns_in_pieces_what_it_learns_at_once() -> None:
    values: dict[str, Any] = {
        "data__fraction": 0.5,
        "train__precision": "fp16",
        "train__epochs": 2,
    }
    whole, _ = train_tiny(tiny_config(model__dropout=0.0, **values))
    pieces, _ = train_tiny(
        tiny_config(model__dropout=0.0, **values, train__micro_batch=8)
    )
    assert pieces.best["val.loss"] == pytest.approx(whole.best["val.loss"], abs=0.01)


def test_nothing_larger_than_a_piece_goes_through_the_network() -> None:
    config = tiny_config(train__micro_batch=7)
    parts = build_parts(config, digits(config), ALONE)
    seen = []

    def note(module: object, inputs: tuple[Tensor], output: Tensor) -> None:
        seen.append(len(output))

    parts.module.register_forward_hook(note)
    images, labels = next(iter(parts.batches.epoch(1)))
    parts.stepper.step(images, labels, 31)
    assert seen == [7, 6, 6, 6, 6]
    evaluate(parts.stepper, parts.module, parts.val_batches)
    assert max(seen) == 7
    assert sum(seen[5:]) == len(parts.data.val)


@pytest.mark.parametrize("most", [4, 5, 16])
def test_no_piece_is_a_single_example_unless_the_share_is(most: int) -> None:
    for size in range(2, 130):
        images, labels = torch.zeros(size, 1, 2, 2), torch.arange(size)
        pieces = _pieces(images, labels, most)
        assert torch.equal(torch.cat([own for _, own in pieces]), labels)
        assert all(len(i) == len(own) for i, own in pieces)
        assert 2 <= min(len(own) for _, own in pieces)
        assert max(len(own) for _, own in pieces) <= most
