"""The contract that every entry of MODELS keeps, at every image shape."""

from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raypg.errors import RegistryError
from raypg.models import (
    MODELS,
    CnnConfig,
    ImageShape,
    ModelConfig,
    build_model,
    count_flops,
    model_source_file,
    num_parameters,
)
from tests.training.tiny import tiny_config

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 8, 8), (3, 32, 32), (3, 64, 64)]
LARGE = (3, 224, 224)
ROUNDING = {
    "mobilenet_v2": 0.3,
    "mobilenet_v3_small": 0.15,
    "shufflenet_v1": 0.15,
    "shufflenet_v2": 0.3,
    "simple_dla": 0.3,
}
"""Of bf16 over dozens of layers, in each of which a norm lets it grow."""
each_model = pytest.mark.parametrize("name", sorted(MODELS))
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@cache
def small_config(name: str) -> ModelConfig:
    """A small one of its kind, without dropout."""
    model: Any = tiny_config(name).model
    names = [field.name for field in fields(model) if "dropout" in field.name]
    quiet: ModelConfig = replace(model, **dict.fromkeys(names, 0.0))
    return quiet


def build(name: str, shape: ImageShape = (1, 8, 8)) -> nn.Module:
    torch.manual_seed(0)
    return build_model(small_config(name), shape, num_classes=7)


def images(shape: ImageShape, num_images: int = 3) -> Tensor:
    return torch.randn(num_images, *shape, generator=torch.Generator().manual_seed(1))


@each_model
@pytest.mark.parametrize("shape", [*SHAPES, LARGE], ids=str)
def test_every_parameter_gets_a_gradient(name: str, shape: ImageShape) -> None:
    model = build(name, shape)
    logits_BK = model(images(shape))
    loss = F.cross_entropy(logits_BK, torch.tensor([0, 1, 6]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits_BK.shape == (3, 7)
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
        assert parameter.grad.count_nonzero() > 0


@each_model
@each_shape
def test_a_batch_of_one_can_train(name: str, shape: ImageShape) -> None:
    assert build(name, shape)(images(shape, num_images=1)).isfinite().all()


@each_model
@each_shape
def test_bf16_in_channels_last_agrees_with_fp32(name: str, shape: ImageShape) -> None:
    model = build(name, shape)
    expected_BK = model(images(shape, num_images=16))
    model = build(name, shape).to(memory_format=torch.channels_last)
    batch = images(shape, num_images=16).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits_BK = model(batch)
    assert logits_BK.dtype == torch.bfloat16
    loss = F.cross_entropy(logits_BK.float(), torch.arange(16) % 7)
    loss.backward()  # type: ignore[no-untyped-call]
    tolerance = ROUNDING.get(name, 0.05)
    assert (logits_BK.float() - expected_BK).norm() < tolerance * expected_BK.norm()


@each_model
def test_a_seed_gives_the_same_weights(name: str) -> None:
    first, second = build(name).state_dict(), build(name).state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@each_model
def test_weights_survive_a_state_dict(name: str) -> None:
    source = build(name)
    source(images((1, 8, 8)))  # moves the running statistics of the norms
    target = build_model(small_config(name), (1, 8, 8), num_classes=7)
    target.load_state_dict(source.state_dict())
    batch = images((1, 8, 8))
    assert torch.equal(source.eval()(batch), target.eval()(batch))


@each_model
def test_a_forward_pass_draws_nothing_and_keeps_its_input(name: str) -> None:
    model, batch = build(name), images((1, 8, 8))
    state = torch.get_rng_state()
    model(batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(batch, images((1, 8, 8)))


@each_model
def test_a_step_of_one_model_leaves_another_alone(name: str) -> None:
    bystander, model = build(name), build(name)
    before = {key: value.clone() for key, value in bystander.state_dict().items()}
    model(images((1, 8, 8))).sum().backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    after = bystander.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(p.grad is None for p in bystander.parameters())


@each_model
def test_in_evaluation_an_image_does_not_see_its_neighbours(name: str) -> None:
    model = build(name).eval()
    batch = images((1, 8, 8), num_images=4)
    torch.testing.assert_close(model(batch)[:1], model(batch[:1]))


@each_model
@each_shape
def test_the_meta_device_tells_parameters_and_flops(
    name: str, shape: ImageShape
) -> None:
    with torch.device("meta"):
        twin = build(name, shape)
    model = build(name, shape)
    assert num_parameters(twin) == num_parameters(model) > 0
    assert count_flops(twin, shape) == count_flops(model, shape) > 0
    assert model.training
    assert next(model.parameters()).device.type == "cpu"


@each_model
def test_the_source_file_is_the_one_that_defines_the_network(name: str) -> None:
    path = model_source_file(small_config(name))
    assert path.stem == name
    assert f'name: Literal["{name}"]' in path.read_text(encoding="utf-8")


def test_an_unknown_model_is_told_with_the_nearest_name() -> None:
    config = CnnConfig()
    object.__setattr__(config, "name", "densnet")
    with pytest.raises(RegistryError, match='Did you mean "densenet"'):
        build_model(config, (1, 8, 8), 10)


def test_flops_are_multiply_adds() -> None:
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.Flatten(), nn.Linear(20, 4))
    assert count_flops(model, (3, 2, 2)) == 2 * 2 * 5 * 3 * 9 + 20 * 4


def test_frozen_and_shared_parameters_count_as_they_train() -> None:
    shared = nn.Linear(4, 4, bias=False)
    frozen = nn.Linear(4, 4, bias=False).requires_grad_(False)
    assert num_parameters(nn.Sequential(shared, shared, frozen)) == 16
