"""fp16's gradient scaler: an overflow costs a step, a checkpoint has the scale."""

from typing import Any

import pytest
import torch
from torch import Tensor

from raypg.training.parts import Parts, build_parts, restore_parts, snapshot
from raypg.training.state import pack_state, unpack_state
from tests.fakes import digest
from tests.training.tiny import ALONE, digits, tiny_config

SETTINGS: dict[str, dict[str, Any]] = {
    "sgd": {},
    "plain sgd": {"optimizer__momentum": 0.0, "optimizer__nesterov": False},
    "clipped": {"train__clip_norm": 1.0},
    "adam": {"optimizer__name": "adam"},
    "adamw": {"optimizer__name": "adamw"},
    "lion": {"optimizer__name": "lion"},
    "muon": {"optimizer__name": "muon"},
    "nadam": {"optimizer__name": "nadam"},
    "rmsprop": {"optimizer__name": "rmsprop"},
}

each_optimizer = pytest.mark.parametrize("name", SETTINGS)


def begin(name: str) -> tuple[Parts, Tensor, Tensor]:
    """A trial at a scale that its own gradients do not exceed, and its first batch."""
    config = tiny_config(train__precision="fp16", model__dropout=0.0, **SETTINGS[name])
    torch.manual_seed(0)
    parts = build_parts(config, digits(config), ALONE)
    parts.stepper.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    return parts, *next(iter(parts.batches.epoch(1)))


def learned(parts: Parts) -> str:
    """A few letters for all that a step may change but the scale."""
    return digest([parts.module.state_dict(), parts.stepper.optimizer.state_dict()])


@each_optimizer
def test_an_overflow_skips_its_step_and_halves_the_scale(name: str) -> None:
    parts, images, labels = begin(name)
    weights = digest(parts.module.state_dict())
    # Past 65,504 a number of fp16 is infinite, and so are the gradients that see it.
    parts.stepper.step(images * 1e30, labels, 31)
    assert parts.stepper.scaler.get_scale() == 512.0
    assert digest(parts.module.state_dict()) == weights
    for _ in range(3):
        parts.stepper.step(images, labels, 31)
    before = learned(parts)
    parts.stepper.step(images * 1e30, labels, 31)
    assert parts.stepper.scaler.get_scale() == 256.0
    assert learned(parts) == before


@each_optimizer
def test_a_step_after_an_overflow_is_a_first_step(name: str) -> None:
    parts, images, labels = begin(name)
    parts.stepper.step(images * 1e30, labels, 31)
    parts.stepper.step(images, labels, 31)
    other, *_ = begin(name)
    other.stepper.step(images, labels, 31)
    for one, same in zip(
        parts.module.parameters(), other.module.parameters(), strict=True
    ):
        assert torch.allclose(one, same, rtol=0, atol=1e-6)


def test_the_scale_and_its_age_are_part_of_the_state() -> None:
    parts, images, labels = begin("sgd")
    parts.stepper.step(images * 1e30, labels, 31)
    for _ in range(3):
        parts.stepper.step(images, labels, 31)
    state = unpack_state(pack_state(snapshot(parts)))
    assert state.scaler["scale"] == 512.0
    assert state.scaler["_growth_tracker"] == 3
    other, *_ = begin("sgd")
    restore_parts(other, state)
    assert other.stepper.scaler.state_dict() == parts.stepper.scaler.state_dict()


def test_without_fp16_nothing_is_scaled() -> None:
    for precision in ("fp32", "bf16"):
        config = tiny_config(train__precision=precision)
        parts = build_parts(config, digits(config), ALONE)
        assert not parts.stepper.scaler.is_enabled()
        assert snapshot(parts).scaler == {}
