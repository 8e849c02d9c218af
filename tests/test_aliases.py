"""The old playground's names of models, and what they stand for."""

import pytest

from raypg.config import (
    Config,
    Layer,
    Origin,
    fingerprint,
    flatten,
    load,
    parse_overrides,
    preset_layer,
    to_yaml,
)
from raypg.errors import ConfigError, SpaceError
from raypg.experiment.trials import Resolver, resolve_arms
from raypg.models.aliases import ALIASES
from raypg.space import Ablation

MEANINGS = {
    "SimpleModel": ["model.name=lenet"],
    "AVModel": ["model.name=paired_cnn"],
    "SimpleMNIST": ["model.name=mnist_cnn"],
    "DenseNet3": ["model.name=densenet"],
    "ResNet18": ["model.name=resnet", "model.depth=18"],
    "SimpleDLA": ["model.name=simple_dla"],
    "ShuffleNet": ["model.name=shufflenet_v1", "model.groups=1", "model.width=0.5"],
}


def typed(*arguments: str) -> Config:
    return load([parse_overrides(arguments)])


def base(**values: object) -> Layer:
    dotted = {key.replace("__", "."): value for key, value in values.items()}
    return Layer("space.py: base", dotted, origin=Origin.BASE)


def test_every_alias_is_tested() -> None:
    assert ALIASES.keys() == MEANINGS.keys()


@pytest.mark.parametrize("alias", MEANINGS)
def test_an_alias_and_its_meaning_are_one_trial(alias: str) -> None:
    other, meant = typed(f"model.name={alias}"), typed(*MEANINGS[alias])
    assert other == meant
    keys = [fingerprint(c, device="cpu", num_workers=1).key for c in (other, meant)]
    assert keys[0] == keys[1]
    assert alias not in to_yaml(other)


def test_fields_that_an_alias_leaves_open_are_free() -> None:
    leaves = flatten(typed("model.name=DenseNet3", "model.depth=22", "seed=3"))
    assert (leaves["model.name"], leaves["model.depth"]) == ("densenet", 22)


def test_a_preset_speaks_of_the_model_that_an_alias_means() -> None:
    paper = preset_layer("paper")
    config = load([paper, base(model__name="DenseNet3")])
    assert flatten(config)["model.growth_rate"] == 12
    assert flatten(load([paper, base(model__name="ResNet18")]))["model.depth"] == 18


def test_a_later_name_takes_all_of_an_alias_away() -> None:
    layers = [base(model__name="ResNet18"), parse_overrides(["model.name=densenet"])]
    assert load(layers) == typed("model.name=densenet")


def test_a_field_below_an_alias_is_overridden_by_it() -> None:
    layers = [base(model__depth=20), parse_overrides(["model.name=ResNet18"])]
    assert load(layers) == typed("model.name=resnet", "model.depth=18")


def test_a_field_that_an_alias_has_cannot_be_given_beside_it() -> None:
    layers = [base(model__name="ResNet18"), parse_overrides(["model.depth=34"])]
    with pytest.raises(ConfigError, match=".") as error:
        load(layers)
    assert str(error.value) == (
        'command line: "model.depth": must be left to ResNet18, which has 18;'
        ' found "34". Remove it, or write model.name=resnet.'
    )


def resolved(design: str) -> Resolver:
    space = Ablation(
        base={"model.name": "ResNet18"},
        axes={"model.name": ["ResNet18", "DenseNet3"], "optimizer.lr": [0.1, 0.2]},
        design=design,  # type: ignore[arg-type]
    )
    return Resolver("space.py", space, [])


def test_the_alias_of_the_base_on_an_axis_is_the_baseline() -> None:
    arms, baseline = resolve_arms(resolved("one_at_a_time"))
    assert baseline is not None
    labels = [arm.label for arm in arms]
    assert labels == ["baseline", "model.name=DenseNet3", "optimizer.lr=0.2"]
    assert baseline.label == "baseline"
    rule = 'axes."model.name".: must differ from the baseline.s value; found "ResNet18"'
    with pytest.raises(SpaceError, match=rule):
        resolve_arms(resolved("leave_one_out"))


def test_a_wrong_name_may_be_nearest_to_an_alias() -> None:
    with pytest.raises(ConfigError, match='Did you mean "SimpleMNIST"'):
        typed("model.name=SimpelMNIST")
