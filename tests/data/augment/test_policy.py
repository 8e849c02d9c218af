"""Each operation against torchvision's, on uint8 images of noise, a ramp and one level.

Levels are floats cut to whole numbers, and their last bit depends on how they are added
up, so that blends and stretched levels may differ by one. Where a shear or a rotation
reads exactly between two pixels, either is right: those strengths are left out.
"""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from raypg.data.augment.policy import (
    NUM_BINS,
    OPERATIONS,
    SIGNED,
    PolicyDraws,
    apply_policy,
    draw_policy,
    strengths,
)

PEERS = {"randaugment": v2.RandAugment, "trivialaugment": v2.TrivialAugmentWide}
SHAPES = [(3, 32, 32), (1, 28, 28), (3, 8, 7)]
ONE_LEVEL = {"brightness", "color", "contrast", "sharpness", "autocontrast"}
"""Operations that may be one level off; all others are exact."""


def peer_name(operation: str) -> str:
    special = {"autocontrast": "AutoContrast"}
    return special.get(operation, operation.title().replace("_", ""))


def images_of(shape: tuple[int, int, int]) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, (2, *shape), generator=rng, dtype=torch.uint8)
    ramp = (torch.arange(noise[0].numel()) % 256).to(torch.uint8).view(1, *shape)
    return torch.cat([noise, noise // 3 + 40, ramp, torch.full_like(ramp, 7)])


def apply(images: Tensor, operation: str, strength: float) -> Tensor:
    kinds = torch.full((1, len(images)), OPERATIONS.index(operation))
    return apply_policy(images, PolicyDraws(kinds, torch.full(kinds.shape, strength)))


def apply_peer(policy: str, images: Tensor, operation: str, strength: float) -> Tensor:
    peer = PEERS[policy]()
    if operation == "solarize":
        strength /= 255
    found: Tensor = peer._apply_image_or_video_transform(
        images, peer_name(operation), strength, peer.interpolation, peer._fill
    )
    return found


def untied(operation: str) -> list[int]:
    """Strengths at which no pixel is read between two others."""
    places = [0, 1, 5, 9, 15, 22, 27, 30]
    # A third of TrivialAugment's rotation is half a right angle, and all of it three.
    return places[:-1] if operation == "rotate" else places


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("policy", PEERS)
def test_an_operation_is_torchvision_s(
    policy: str, operation: str, shape: tuple[int, int, int]
) -> None:
    images = images_of(shape)
    table = strengths(policy, *shape[1:])[OPERATIONS.index(operation)]
    for place in untied(operation):
        for sign in (1, -1) if operation in SIGNED else (1,):
            strength = float(table[place]) * sign
            found = apply(images, operation, strength)
            expected = apply_peer(policy, images, operation, strength)
            distance = (found.int() - expected.int()).abs()
            assert distance.max() <= (operation in ONE_LEVEL), (place, sign)
            assert distance[:-1].gt(0).float().mean() < 0.1


def test_a_quarter_of_a_turn_is_exact() -> None:
    images = images_of((3, 8, 8))
    assert torch.equal(apply(images, "rotate", 90.0), images.rot90(1, (2, 3)))


@pytest.mark.parametrize("policy", PEERS)
def test_strengths_are_those_of_torchvision(policy: str) -> None:
    space: Any = PEERS[policy]()._AUGMENTATION_SPACE
    assert space.keys() == {peer_name(operation) for operation in OPERATIONS}
    for operation, ours in zip(OPERATIONS, strengths(policy, 20, 33), strict=True):
        function, is_signed = space[peer_name(operation)]
        assert is_signed == (operation in SIGNED)
        peer = function(NUM_BINS, 20, 33)
        if operation == "solarize":
            peer = peer * 255
        if operation.startswith("translate"):
            # It cuts 32 · 15 / 30, kept as 15.999999, to 15 pixels.
            peer = (peer + 1e-5).floor()
        if peer is not None:
            assert torch.allclose(ours, peer.float(), atol=1e-4), operation


@pytest.mark.parametrize("policy", PEERS)
def test_operations_signs_and_strengths_are_drawn_evenly(policy: str) -> None:
    rng = torch.Generator().manual_seed(0)
    draws = draw_policy(policy, 28_000, 2, 9, 32, 32, rng)
    assert len(draws.operation_LN) == (2 if policy == "randaugment" else 1)
    for kinds, strength in zip(draws.operation_LN, draws.strength_LN, strict=True):
        counts = torch.bincount(kinds, minlength=len(OPERATIONS))
        assert (counts - 2_000).abs().max() < 200  # 4.5 deviations
        shears = strength[kinds == OPERATIONS.index("shear_x")]
        assert (shears > 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
        num = {"randaugment": 1, "trivialaugment": NUM_BINS}[policy]
        assert len(shears.abs().unique()) == num
        solarized = strength[kinds == OPERATIONS.index("solarize")]
        assert (solarized >= 0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_is_its_images_one_after_another(shape: tuple[int, int, int]) -> None:
    rng = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (120, *shape), generator=rng, dtype=torch.uint8)
    draws = draw_policy("randaugment", 120, 2, 17, *shape[1:], rng)
    before = images.clone()
    whole = apply_policy(images, draws)
    assert torch.equal(images, before)
    for place in range(120):
        here = torch.tensor([place])
        one = apply_policy(images[here], draws.take(here))
        assert torch.equal(one, whole[here])


def test_tiny_images_are_not_sharpened_as_in_torchvision() -> None:
    images = images_of((3, 2, 5))
    expected = functional.adjust_sharpness(images, 1.9)
    assert torch.equal(apply(images, "sharpness", 0.9), expected)
