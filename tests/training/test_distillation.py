"""Learning from a teacher: its loss, whose answers they are, in pieces, on resume."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from raypg.config import Config
from raypg.data import Dataset
from raypg.data.pipeline import Batches
from raypg.errors import CheckpointError, ConfigError
from raypg.training.distillation import Lessons, distilled
from raypg.training.loop import train
from raypg.training.outcome import Outcome
from raypg.training.parts import build_parts
from raypg.training.state import State
from tests.fakes import FakeLink, InjectedFault
from tests.training.tiny import (
    ALONE,
    assert_bitwise_equal,
    digits,
    tiny_config,
    train_tiny,
)

TEACHER = "0123456789abcdef"
HINTON: dict[str, Any] = {"train__teacher": TEACHER}


def taught(config: Config) -> Dataset:
    """The digits with a teacher that is sure of each label, and right."""
    data = digits(config)
    logits_NK = np.eye(data.num_classes, dtype=np.float16)[data.train.labels_N] * 9
    return replace(data, teacher_NK=logits_NK)


def teach(
    config: Config, link: FakeLink | None = None, state: State | None = None
) -> Outcome:
    return train(config, taught(config), ALONE, link or FakeLink(), state)


def draw(seed: int) -> torch.Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_labels_and_teacher_by_their_weight() -> None:
    logits, teacher, labels = draw(0), draw(1), torch.arange(6) % 4
    hard = functional.cross_entropy(logits, labels, reduction="sum")
    heat = 3.0
    target, own = (one.div(heat).softmax(1) for one in (teacher, logits))
    soft = (target * (target.log() - own.log())).sum() * heat**2
    found = distilled(hard, logits, teacher, temperature=heat, weight=0.7)
    assert found.item() == pytest.approx((0.3 * hard + 0.7 * soft).item(), rel=1e-5)
    alone = distilled(hard, logits, teacher, temperature=heat, weight=0.0)
    assert alone.item() == hard.item()


def test_a_student_that_says_what_its_teacher_says_learns_nothing_from_it() -> None:
    logits = draw(0).requires_grad_()
    hard = functional.cross_entropy(logits, torch.zeros(6).long(), reduction="sum")
    loss = distilled(hard, logits, draw(0) + 5.0, temperature=2.0, weight=1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6


def test_at_a_high_temperature_it_fits_logits() -> None:
    """Hinton et al. 2015, section 2.1: the gradient is that of squared differences."""
    logits, teacher = (one - one.mean(1, keepdim=True) for one in (draw(0), draw(1)))
    logits.requires_grad_()
    hard = functional.cross_entropy(logits, torch.zeros(6).long(), reduction="sum")
    distilled(hard, logits, teacher, temperature=500.0, weight=1.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    expected = (logits - teacher) / logits.shape[1]
    torch.testing.assert_close(logits.grad, expected.detach(), rtol=0.01, atol=1e-3)


@pytest.mark.parametrize(("rank", "num_workers"), [(0, 1), (0, 2), (1, 2)])
def test_each_answer_is_to_its_image(rank: int, num_workers: int) -> None:
    config = tiny_config(data__crop_padding=1, data__flip=True)
    data = taught(config)
    batches = Batches(
        data.train,
        data,
        config.data,
        batch_size_global=31,
        rank=rank,
        num_workers=num_workers,
        seed=3,
        device=torch.device("cpu"),
        channels_last=False,
        train=True,
    )
    assert data.teacher_NK is not None
    lessons = Lessons(data.teacher_NK, batches, torch.device("cpu"))
    for epoch in (1, 2):
        answers = lessons.epoch(epoch)
        for step, (_, labels_B) in enumerate(batches.epoch(epoch)):
            assert answers[step].dtype == torch.float32
            assert torch.equal(answers[step].argmax(1), labels_B)


def test_a_teacher_alone_teaches_the_labels_that_it_knows() -> None:
    keys: dict[str, Any] = {
        "train__distill_weight": 1.0,
        "train__epochs": 20,
        "data__fraction": 0.3,
    }
    link = FakeLink()
    teach(tiny_config(model__dropout=0.0, **HINTON, **keys), link)
    assert link.metrics[-1]["train.loss"] < link.metrics[0]["train.loss"] / 2
    assert link.metrics[-1]["train.accuracy"] > 0.8


def test_without_weight_the_teacher_changes_no_number_but_the_rounding() -> None:
    plain, _ = train_tiny(tiny_config())
    heard = teach(tiny_config(**HINTON, train__distill_weight=0.0))
    assert heard.best["val.loss"] == pytest.approx(plain.best["val.loss"], rel=1e-4)
    other = teach(tiny_config(**HINTON))
    assert abs(other.best["val.loss"] - plain.best["val.loss"]) > 1e-3


def test_pieces_of_a_batch_have_their_own_answers() -> None:
    config = tiny_config(model__dropout=0.0, **HINTON, train__distill_weight=1.0)
    whole = teach(config)
    pieces = teach(replace(config, train=replace(config.train, micro_batch=7)))
    assert pieces.best["val.loss"] == pytest.approx(whole.best["val.loss"], rel=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_resume_is_bitwise_equal_with_a_teacher(precision: str) -> None:
    config = tiny_config(**HINTON, train__precision=precision)
    straight = teach(config)
    broken = FakeLink(fail_after=2)
    with pytest.raises(InjectedFault, match="after epoch 2"):
        teach(config, broken)
    assert_bitwise_equal(straight, teach(config, state=broken.last_state))


def test_a_trial_with_a_teacher_does_not_train_without_its_answers() -> None:
    config = tiny_config(**HINTON)
    with pytest.raises(CheckpointError, match='"train.teacher": must come with its'):
        train_tiny(config)
    # Tested, it is, as its teacher has no say in that.
    assert build_parts(config, digits(config), ALONE).lessons is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"train__teacher": "abc"}, "must be the 16 letters of a trial's id"),
        ({"train__distill_temperature": 2.0}, "must stand beside a teacher; found 2.0"),
        ({"train__distill_weight": 0.5}, "must stand beside a teacher; found 0.5"),
        ({**HINTON, "train__distill_weight": 1.5}, "must be at most 1"),
        ({**HINTON, "train__mixup": 0.2}, "must be 0 beside train.teacher, which"),
        ({**HINTON, "train__distill_temperature": 0.0}, "must be above 0"),
    ],
)
def test_a_wrong_key_is_found_as_the_config_is_read(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny_config(**keys)
