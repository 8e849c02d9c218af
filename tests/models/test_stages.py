"""A network from its first layers to its head."""

from collections.abc import Sequence

import pytest
import torch

from raypg.models import MODELS, build_model
from raypg.models.stages import find_stages, stages_of
from tests.training.tiny import tiny_config

LIBRARY = ["torchvision/resnet18", "torchvision/densenet121", "torchvision/vgg11_bn"]


@pytest.mark.parametrize("name", [*sorted(MODELS), *LIBRARY])
def test_every_parameter_is_in_one_stage_or_in_the_head(name: str) -> None:
    shape = (3, 64, 64) if "/" in name else (1, 8, 8)
    model = tiny_config(name, data__name="cifar10" if "/" in name else "digits").model
    stages = stages_of(model, shape, 10)
    every = [key for stage in stages.stages for key in stage] + [*stages.head]
    with torch.device("meta"):
        module = build_model(model, shape, 10)
    assert sorted(every) == sorted(key for key, _ in module.named_parameters())
    rows = {dict(module.named_parameters())[key].shape[0] for key in stages.head}
    assert rows == {10}
    assert len(stages.stages) == len(stages.names) >= 2


def test_a_stage_is_a_block_or_a_layer_with_its_norm() -> None:
    model = tiny_config("torchvision/resnet18", data__name="cifar10").model
    stages = stages_of(model, (3, 32, 32), 10)
    assert stages.names == ("conv1", "layer1", "layer2", "layer3", "layer4")
    assert stages.stages[0] == ("conv1.weight", "bn1.weight", "bn1.bias")
    assert stages.head == ("fc.weight", "fc.bias")


def test_a_head_of_as_many_rows_as_a_layer_before_is_the_last_one() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(4, 10), torch.nn.Linear(10, 10))
    assert find_stages(module, 10).head == ("1.weight", "1.bias")


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        ("", []),
        ("1", ["conv1", "bn1"]),
        ("2", ["conv1", "bn1", "layer1"]),
        ("backbone", ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]),
        ("layer1, layer3.0.conv1", ["layer1", "layer3.0.conv1"]),
    ],
)
def test_stages_are_frozen_by_number_and_by_name(
    freeze: str, frozen: Sequence[str]
) -> None:
    model = tiny_config("torchvision/resnet18", data__name="cifar10").model
    stages = stages_of(model, (3, 32, 32), 10)
    every = {key for stage in stages.stages for key in stage}
    expected = {
        key for key in every if any(key.startswith(f"{one}.") for one in frozen)
    }
    assert stages.frozen_by(freeze) == expected


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        ("9", r"must be at most the 5 stages \(conv1, layer1,"),
        ("layr2", 'must name stages, and "layr2" is none Did you mean "layer2"'),
        ("conv1,nothing", r'"nothing" is none \(conv1, '),
        ("conv1,bn1,layer1,layer2,layer3,layer4,fc", "must leave something to train"),
    ],
)
def test_what_is_no_stage_is_named_beside_those_that_are(
    freeze: str, message: str
) -> None:
    model = tiny_config("torchvision/resnet18", data__name="cifar10").model
    with pytest.raises(ValueError, match=message):
        stages_of(model, (3, 32, 32), 10).frozen_by(freeze)
