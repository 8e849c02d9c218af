import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypg.config import (
    PRESETS,
    Config,
    Layer,
    Origin,
    TrainConfig,
    check_workers,
    flatten,
    leaf_types,
    load,
    parse_overrides,
    parse_yaml,
    preset_layer,
    to_yaml,
)
from raypg.errors import ConfigError
from raypg.models import MODELS, ResNetConfig

PLAIN = {
    "data.root": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9),
    "data.fraction": st.floats(0.1, 1),
    "data.flip": st.booleans(),
    "optimizer.lr": st.floats(0, 1e9, exclude_min=True),
    "schedule.name": st.just("multistep"),
    "schedule.milestones": st.lists(st.floats(0.01, 0.99), max_size=3),
    "train.epochs": st.integers(1, 10**9),
    "train.precision": st.sampled_from(["fp32", "bf16", "fp16"]),
    "seed": st.integers(0, 2**32 - 1),
}
MODEL_LEAVES = st.one_of(
    st.fixed_dictionaries(
        {"model.name": st.just("densenet"), "model.depth": st.sampled_from([22, 40])},
        optional={"model.dropout": st.floats(0, 0.9)},
    ),
    st.fixed_dictionaries({"model.name": st.just("resnet")}),
)
LEAVES = st.builds(
    lambda some, model: {**some, **model},
    st.fixed_dictionaries({}, optional=PLAIN),
    MODEL_LEAVES,
)


def python_layer(values: Mapping[str, object]) -> Layer:
    return Layer("a test", values)


def faults(*arguments: str) -> list[str]:
    with pytest.raises(ConfigError, match=".") as caught:
        load([parse_overrides(arguments)])
    return str(caught.value).splitlines()


@settings(deadline=None)  # the machine may be shared
@given(LEAVES)
def test_a_flattened_config_loads_back(leaves: dict[str, Any]) -> None:
    config = load([python_layer(leaves)])
    assert load([python_layer(flatten(config))]) == config


@settings(deadline=None)  # the machine may be shared
@given(LEAVES)
def test_a_printed_config_loads_back(leaves: dict[str, Any]) -> None:
    config = load([python_layer(leaves)])
    assert load([parse_yaml(to_yaml(config), "a test")]) == config


@settings(deadline=None)  # the machine may be shared
@given(LEAVES)
def test_a_config_typed_on_the_command_line_loads_back(leaves: dict[str, Any]) -> None:
    config = load([python_layer(leaves)])
    typed = [f"{key}={value}" for key, value in flatten(config).items()]
    assert load([parse_overrides(typed)]) == config


def test_without_layers_the_defaults_stand() -> None:
    config = load([])
    assert config == Config()
    assert (config.data.name, config.model.name, config.train.epochs) == (
        "digits",
        "densenet",
        3,
    )


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="seed"):
        load([]).seed = 1  # type: ignore[misc]


def test_a_config_made_in_python_is_checked_too() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        TrainConfig(epochs=0)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("train.epochs=7", 7),
        ("optimizer.lr=1e-2", 0.01),
        ("optimizer.lr= 1 ", 1.0),
        ("data.flip=true", True),
        ("data.flip=No", False),
        ("data.root=a=b", "a=b"),
        ("data.root=7", "7"),
        ("schedule.milestones=0.5,0.9", [0.5, 0.9]),
        ("schedule.milestones=[0.5, 0.9]", [0.5, 0.9]),
        ("schedule.milestones=(0.5,)", [0.5]),
        ("schedule.milestones=", []),
        ("model.name=resnet", "resnet"),
    ],
)
def test_text_is_read_as_what_the_leaf_holds(argument: str, value: object) -> None:
    key = argument.partition("=")[0]
    found = flatten(load([parse_overrides([argument])]))[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.epochs", "7"),
        ("train.epochs", 7.0),
        ("train.epochs", True),
        ("optimizer.lr", "0.1"),
        ("data.flip", 1),
        ("data.name", 3),
        ("schedule.milestones", 0.5),
        ("seed", None),
    ],
)
def test_a_python_value_of_another_type_is_an_error(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f'a test: "{key}": must be'):
        load([python_layer({key: value})])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "model.detph=22",
            '"model.detph": must name a field of "model"; found "detph".'
            ' Did you mean "model.depth"?',
        ),
        (
            "modle.depth=22",
            '"modle.depth": must start with a section of the config; found "modle".'
            ' Did you mean "model"?',
        ),
        (
            "epochs=3",
            '"epochs": must start with a section of the config; found "epochs".'
            ' Did you mean "train.epochs"?',
        ),
        (
            "model=resnet",
            '"model": must name a field of "model"; found "resnet".'
            ' Did you mean "model.name"?',
        ),
        (
            "model.a.b=1",
            '"model.a.b": must name a field of "model"; found "a.b".'
            " Known: bottleneck, compression, depth, dropout, growth_rate, name,"
            " round_depth, stem.",
        ),
        (
            "model.name=rasnet",
            '"model.name": must be a known model; found "rasnet".'
            ' Did you mean "resnet"?',
        ),
        (
            "data.name=digit",
            '"data.name": must be a known data set; found "digit".'
            ' Did you mean "digits"?',
        ),
        (
            "optimizer.lr=fast",
            '"optimizer.lr": must be a number; found "fast". The default is 0.1.',
        ),
        (
            "optimizer.lr=nan",
            '"optimizer.lr": must be finite; found "nan". The default is 0.1.',
        ),
        (
            "train.epochs=0",
            '"train.epochs": must be at least 1; found "0". The default is 3.',
        ),
        (
            "train.epochs=1.5",
            '"train.epochs": must be a whole number; found "1.5". The default is 3.',
        ),
        (
            "data.flip=maybe",
            '"data.flip": must be true or false; found "maybe". The default is false.',
        ),
        (
            "model.depth=38",
            '"model.depth": must be 3n+4 without bottlenecks (nearest: 37 and 40);'
            ' found "38". Change it, or what it depends on.',
        ),
        (
            "train.batch_size=1198",
            '"train.batch_size": must be at most the 1197 training images of digits;'
            " found 1198. Lower it, or raise data.fraction.",
        ),
        (
            "data.crop_padding=8",
            '"data.crop_padding": must be less than the 8 pixels of an image of digits;'
            " found 8. 4 is usual for images of 32 pixels.",
        ),
    ],
)
def test_a_fault_names_its_place_its_rule_and_the_way_out(
    argument: str, message: str
) -> None:
    assert faults(argument) == [f"command line: {message}"]


def test_every_fault_of_every_layer_has_a_line() -> None:
    layers = [
        Layer("a.yaml", {"train.epochs": "x", "modle.depth": 3}, lax=True),
        parse_overrides(["model.detph=1", "optimizer.lr=-1", "seed=-1"]),
    ]
    with pytest.raises(ConfigError, match="modle") as caught:
        load(layers)
    assert [line.split(": must")[0] for line in str(caught.value).splitlines()] == [
        'a.yaml: "modle.depth"',
        'command line: "model.detph"',
        'command line: "optimizer.lr"',
        'a.yaml: "train.epochs"',
        'command line: "seed"',
    ]


def test_a_default_that_no_longer_fits_is_named_as_one() -> None:
    (line,) = faults("optimizer.momentum=0")
    assert line.startswith('defaults: "optimizer.nesterov": must be false when')


def test_a_key_of_another_model_names_its_owner() -> None:
    (line,) = faults("model.name=resnet", "model.growth_rate=3")
    assert "under resnet" in line
    assert "It belongs to densenet" in line


def test_later_layers_win_and_origins_come_before_order() -> None:
    layers = [
        parse_overrides(["train.epochs=5"]),
        Layer("base", {"train.epochs": 4, "seed": 4}, origin=Origin.BASE),
        Layer("a.yaml", {"train.epochs": 2, "seed": 2, "train.batch_size": 2}),
        Layer("b.yaml", {"train.batch_size": 3}),
        preset_layer("paper"),
    ]
    config = load(layers)
    assert (config.train.epochs, config.seed, config.train.batch_size) == (5, 4, 3)
    assert config.data.name == "cifar10"


def test_a_preset_says_nothing_of_a_model_that_it_does_not_name() -> None:
    config = load([preset_layer("paper"), parse_overrides(["model.name=resnet"])])
    assert isinstance(config.model, ResNetConfig)
    assert config.model.depth == 20
    assert config.train.epochs == 300


def test_a_file_must_fit_the_model_that_the_command_line_takes() -> None:
    layers = [
        Layer("a.yaml", {"model.growth_rate": 3}),
        parse_overrides(["model.name=resnet"]),
    ]
    with pytest.raises(ConfigError, match='^a.yaml: "model.growth_rate"'):
        load(layers)


def test_a_preset_keeps_its_augmentation_on_another_data_set() -> None:
    for name in ("fashion_mnist", "synthetic"):
        override = parse_overrides([f"data.name={name}", "data.crop_padding=1"])
        config = load([preset_layer("paper"), override])
        assert (config.data.name, config.data.flip) == (name, True)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_a_config(name: str) -> None:
    assert flatten(load([preset_layer(name)])).items() >= PRESETS[name].items()


def test_the_paper_s_preset_is_the_paper_s_setting() -> None:
    leaves = flatten(load([preset_layer("paper")]))
    assert (leaves["train.epochs"], leaves["train.batch_size"]) == (300, 64)
    assert (leaves["optimizer.lr"], leaves["optimizer.momentum"]) == (0.1, 0.9)
    assert (leaves["schedule.milestones"], leaves["schedule.gamma"]) == (
        [0.5, 0.75],
        0.1,
    )
    assert (leaves["data.crop_padding"], leaves["data.flip"]) == (4, True)


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(ConfigError, match='found "papre". Did you mean "paper"?'):
        preset_layer("papre")


def test_workers_need_an_example_each() -> None:
    config = load([python_layer({"train.batch_size": 2})])
    check_workers(config, 2)
    with pytest.raises(ConfigError, match="at least the 3 workers of a trial"):
        check_workers(config, 3)


def test_every_leaf_has_one_type_and_every_config_keeps_it() -> None:
    types = leaf_types()
    assert {types[key] for key in types} == {bool, int, float, str, list}
    for model in MODELS:
        for key, value in flatten(load([python_layer({"model.name": model})])).items():
            assert type(value) is types[key]
