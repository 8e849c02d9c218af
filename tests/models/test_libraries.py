"""Networks of torchvision and timm: their names, and what is adapted to the data."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

from raypg.config import Config, load, parse_overrides
from raypg.config.code import training_code
from raypg.errors import ConfigError, DataError
from raypg.models import build_model, count_flops, libraries, num_parameters
from raypg.trial import model_costs
from tests.training.tiny import tiny_config, train_tiny


def config(name: str, *more: str, data: str = "cifar10") -> Config:
    overrides = [f"model.name={name}", f"data.name={data}", *more]
    return load([parse_overrides(overrides)])


def fault(name: str, *more: str, data: str = "cifar10") -> str:
    with pytest.raises(ConfigError, match=".") as error:
        config(name, *more, data=data)
    return str(error.value)


def build(
    name: str, *more: str, shape: tuple[int, int, int] = (3, 32, 32)
) -> nn.Module:
    torch.manual_seed(0)
    return build_model(config(name, *more).model, shape, 10)


def test_a_large_stem_is_torchvisions_own_network() -> None:
    ours = build("torchvision/convnext_tiny", "model.stem=large", shape=(3, 224, 224))
    torch.manual_seed(0)
    theirs = models.convnext_tiny(num_classes=10)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_small_stem_is_our_resnets() -> None:
    assert num_parameters(build("torchvision/resnet18")) == 11_173_962
    small = build("torchvision/resnet18")
    assert not [m for m in small.modules() if isinstance(m, nn.MaxPool2d)]
    cost = count_flops(small, (3, 32, 32))
    ours = config("resnet", "model.depth=18").model
    assert cost == count_flops(build_model(ours, (3, 32, 32), 10), (3, 32, 32))


@pytest.mark.parametrize(
    "name",
    [
        "alexnet",
        "convnext_tiny",
        "densenet121",
        "efficientnet_b0",
        "googlenet",
        "mnasnet0_5",
        "mobilenet_v3_small",
        "regnet_y_400mf",
        "shufflenet_v2_x0_5",
        "squeezenet1_1",
        "swin_t",
        "vit_b_16",
    ],
)
def test_each_kind_of_torchvision_takes_grey_images_of_32_pixels(name: str) -> None:
    model = build(f"torchvision/{name}", shape=(1, 32, 32))
    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 10)


def test_grey_images_see_the_sum_over_colours() -> None:
    grey, colour = (
        build("torchvision/resnet18", shape=shape)
        for shape in ((1, 32, 32), (3, 32, 32))
    )
    grey.load_state_dict(
        {
            key: value.sum(1, keepdim=True) if key == "conv1.weight" else value
            for key, value in colour.state_dict().items()
        }
    )
    images = torch.randn(2, 1, 32, 32)
    expected = colour.eval()(images.expand(-1, 3, -1, -1))
    torch.testing.assert_close(grey.eval()(images), expected)


def test_pretrained_weights_are_taken_but_for_what_is_adapted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = models.get_model_weights("shufflenet_v2_x0_5").DEFAULT
    torch.manual_seed(1)
    published = models.shufflenet_v2_x0_5().state_dict()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(published, folder / weights.url.rpartition("/")[2])
    name, asked = "torchvision/shufflenet_v2_x0_5", "model.pretrained=true"
    state = build(name, asked, shape=(1, 32, 32)).state_dict()
    grey = published.pop("conv1.0.weight").sum(1, keepdim=True)
    assert torch.equal(state.pop("conv1.0.weight"), grey)
    for key in ("fc.weight", "fc.bias"):
        assert state.pop(key).shape != published.pop(key).shape
    assert state.keys() == published.keys()
    assert all(torch.equal(state[key], published[key]) for key in state)


def test_weights_that_cannot_be_had_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="must find the weights of resnet18") as error:
        build("torchvision/resnet18", "model.pretrained=true")
    assert "hub/checkpoints" in str(error.value)


def test_the_meta_device_tells_costs_without_weights() -> None:
    asked = config("torchvision/vit_b_32", "model.pretrained=true").model
    parameters, flops = model_costs(asked, (3, 32, 32), 10)
    plain = models.vit_b_32(image_size=32, num_classes=10)
    assert parameters == num_parameters(plain)
    # One patch and the class token: attention is next to nothing, and counted.
    tokens, hidden = 2, 768
    blocks = 12 * (12 * tokens * hidden**2 + 2 * tokens**2 * hidden)
    assert flops == blocks + hidden * (32 * 32 * 3 + 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "torchvision/convnext_tinny",
            "must be a model of torchvision (nearest: torchvision/convnext_tiny);"
            ' found "torchvision/convnext_tinny".',
        ),
        ("torchvision/fasterrcnn_resnet50_fpn", "must be a model of torchvision"),
        ("torchvison/resnet18", 'found "torchvison/resnet18". Did you mean'),
        ("resnet/18", 'must be a known model; found "resnet/18".'),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(name: str, message: str) -> None:
    assert message in fault(name)


def test_a_key_of_our_networks_is_none_of_a_librarys() -> None:
    said = fault("torchvision/resnet18", "model.depth=18")
    assert 'must name a field of "model" under torchvision/resnet18' in said


@pytest.mark.parametrize(
    ("name", "stem", "side"),
    [
        ("torchvision/alexnet", "large", 63),
        ("torchvision/vit_b_16", "auto", 32),
        ("torchvision/vgg16", "auto", 32),
    ],
)
def test_images_that_are_too_small_are_told_with_the_next_size(
    name: str, stem: str, side: int
) -> None:
    wanted = f"must have larger images, and the next that it takes are {side}x{side};"
    assert wanted in fault(name, f"model.stem={stem}", data="fashion_mnist")


def test_timm_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    libraries._timm_names.cache_clear()
    said = fault("timm/resnet18", "model.pretrained=perhaps")
    libraries._timm_names.cache_clear()
    assert '"model.name": needs timm, which is not here: pip install timm;' in said
    assert '"model.pretrained": must be true or false' in said


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "convnext_atto"])
def test_timms_networks_take_small_grey_images(name: str) -> None:
    pytest.importorskip("timm")
    asked = config(f"timm/{name}", data="cifar10").model
    model = build_model(asked, (1, 32, 32), 10)
    assert model(torch.randn(2, 1, 32, 32)).shape == (2, 10)
    parameters, flops = model_costs(asked, (1, 32, 32), 10)
    assert parameters == num_parameters(model)
    assert flops > 0


def test_a_librarys_version_is_part_of_the_code_that_trains() -> None:
    code = training_code("torchvision/resnet18", "digits")
    assert code["torchvision"] == sys.modules["torchvision"].__version__.split("+")[0]
    assert "raypg/models/libraries.py" in code
    assert "raypg/models/resnet.py" not in code
    assert training_code("timm/resnet18", "digits").keys() >= {"timm"}


def test_a_trial_trains_a_network_of_torchvision() -> None:
    few = {"model__stem": "small", "train__epochs": 2, "train__batch_size": 60}
    asked = tiny_config("torchvision/shufflenet_v2_x0_5", **few)
    outcome, link = train_tiny(asked)
    assert outcome.status == "completed"
    assert link.metrics[-1]["train.loss"] < link.metrics[0]["train.loss"]
