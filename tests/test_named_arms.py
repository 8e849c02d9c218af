"""Arms with names: how a space is checked, chosen from and run."""

import re
from pathlib import Path

import pytest

from raypg.config import parse_overrides
from raypg.errors import ConfigError, SpaceError
from raypg.experiment import (
    AblationProposals,
    Race,
    SpaceFile,
    base_config,
    build_proposals,
    describe_published,
    load_space,
    parse_space,
)
from raypg.space import Ablation, Search, Value, choice, choose_arms
from tests.command import Command

SMALL: dict[str, Value] = {"model.name": "mlp", "model.hidden": 8}
DEEP: dict[str, Value] = {
    "model.name": "densenet",
    "model.depth": 22,
    "train.epochs": 4,
}
ARMS = {"small": SMALL, "deep net": DEEP}
SPACE = f"from raypg import *\nSPACE = Ablation(arms={ARMS})\n"
PAPER = Path(__file__).parents[1] / "search_spaces" / "paper_table.py"


def parse(source: str, *overrides: str, arms: tuple[str, ...] = ()) -> SpaceFile:
    layers = [parse_overrides(overrides)]
    return parse_space(source, "space.py", layers, arms)


def proposals_of(source: str, *overrides: str) -> AblationProposals:
    layers = [parse_overrides(overrides)]
    file = parse_space(source, "space.py", layers)
    found = build_proposals(file, layers, device="cpu", num_workers=1)
    assert isinstance(found, AblationProposals)
    return found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"arms": [1]}, "arms: must be a dict; found list. Write arms={"),
        ({"arms": {3: {}}}, "arms: must have names of one line as keys; found 3"),
        ({"arms": {"a\nb": {}}}, "arms: must have names of one line as keys"),
        ({"arms": {"a": 3}}, 'arms["a"]: must be a dict of config keys; found int'),
        ({"arms": {"a": {3: 4}}}, 'arms["a"]: must have text as keys; found 3'),
        ({"arms": {"a": {"seed": 1}}}, 'arms["a"]["seed"]: must be left to seeds'),
        (
            {"arms": ARMS | {"same": SMALL}},
            'arms["same"]: must differ from all other arms; found the settings of "sm',
        ),
        (
            {"arms": {"a": {"seed": 1}}, "base": {"seed": 2}},
            'base["seed"]: must be left to seeds',
        ),
        # The base has what the second one does not say itself.
        (
            {"arms": {"a": {"data.flip": True}, "b": {}}, "base": {"data.flip": True}},
            'arms["b"]: must differ from all other arms',
        ),
        ({"axes": {"data.flip": [True]}}, "axes: must be left out beside named arms"),
        ({"design": "zip"}, 'design: must be left out beside named arms; found "zip"'),
        ({"resolution": 5}, "resolution: must be left out beside named arms; found 5"),
        (
            {"baseline": "smal"},
            'baseline: must name an arm, or be left out; found "smal". Did you mean "s',
        ),
        ({"baseline": SMALL}, "baseline: must name an arm, or be left out"),
        ({"published": 5.24}, "published: must be a dict; found float"),
        ({"published": {"": {}}}, "published: must have names of sources as keys"),
        ({"published": {"A": 5}}, 'published["A"]: must be a dict of arms; found int'),
        (
            {"published": {"A": {"smal": 5}}},
            'published["A"]["smal"]: must be an arm; found 5. Did you mean "small"?',
        ),
        ({"published": {"A": {"small": 101}}}, "must be a test error in percent, from"),
        ({"published": {"A": {"small": "5"}}}, 'from 0 to 100; found "5"'),
        ({"published": {"A": {"small": True}}}, "from 0 to 100; found true"),
        (
            {"arms": {}, "axes": {"data.flip": [True]}, "published": {"A": {"a": 1}}},
            "published: must stand beside named arms; found no arms",
        ),
        ({"arms": {}, "axes": {"data.flip": [True]}, "baseline": "a"}, "must be a dic"),
        ({"arms": {}}, "axes: must have at least one axis"),
        ({"seeds": 60_000}, "must make at most 100,000 trials; found 120,000"),
    ],
)
def test_wrong_arms_are_one_clear_error(given: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        Ablation(**{"arms": ARMS, **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "model.depth",
            "model.detph",
            'space.py: arms["deep net"]["model.detph"]: must name a field of "model";'
            ' found "detph". Did you mean "depth"?',
        ),
        ("22", "23", 'space.py: arms["deep net"]["model.depth"]: must be 3n+4'),
        (
            "'train.epochs': 4",
            "'train.metric': 'val.loss'",
            'space.py: arms["deep net"]["train.metric"]: must be left to the space',
        ),
    ],
)
def test_keys_of_arms_are_checked_under_the_arm_s_name(
    old: str, new: str, message: str
) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        parse(SPACE.replace(old, new))


def test_each_arm_has_its_own_keys_and_all_have_the_same_seeds() -> None:
    found = proposals_of(
        SPACE.replace("arms=", "seeds=2, base={'data.flip': True}, arms=")
    )
    assert [(one.arm, one.seed) for one in found.trials] == [
        ("small", 0),
        ("deep net", 0),
        ("small", 1),
        ("deep net", 1),
    ]
    small, deep = (one.config for one in found.trials[:2])
    assert (small.model.name, small.train.epochs) == ("mlp", 3)
    assert (deep.model.name, deep.train.epochs) == ("densenet", 4)
    assert small.data.flip
    assert deep.data.flip


def test_a_baseline_is_the_one_that_is_named_or_none() -> None:
    assert proposals_of(SPACE).baseline == ""
    named = SPACE.replace("arms=", "baseline='deep net', arms=")
    assert proposals_of(named).baseline == "deep net"
    assert base_config(parse(named), []).model.name == "densenet"
    assert base_config(parse(SPACE), []).model.name == "mlp"


def test_the_command_line_sets_what_it_says_in_all_arms() -> None:
    found = proposals_of(SPACE, "train.epochs=1", "data.name=synthetic")
    configs = [one.config for one in found.trials]
    assert [one.train.epochs for one in configs] == [1, 1]
    assert {one.data.name for one in configs} == {"synthetic"}


def test_arms_that_the_command_line_makes_equal_are_named() -> None:
    twins = {"short": {"train.epochs": 2}, "long": {"train.epochs": 4}}
    source = f"from raypg import *\nSPACE = Ablation(arms={twins})\n"
    assert len(proposals_of(source).trials) == 2
    with pytest.raises(SpaceError, match='found "short" and "long", which are one'):
        proposals_of(source, "train.epochs=1")


def test_arms_are_chosen_by_names_with_their_published_errors() -> None:
    published = {"A": {"small": 1.0}, "B": {"deep net": 2.0}}
    space = Ablation(arms=ARMS, published=published)
    found = choose_arms(space, ["deep*"])
    assert isinstance(found, Ablation)
    assert found.arms == {"deep net": DEEP}
    assert found.published == {"B": {"deep net": 2}}
    assert choose_arms(space, ["small", "*net"]) == space
    assert choose_arms(space, []) is space


@pytest.mark.parametrize(
    ("space", "patterns", "message"),
    [
        (Ablation(arms=ARMS), ["smal"], 'an arm; found "smal". Did you mean "small"?'),
        (Ablation(arms=ARMS, baseline="small"), ["deep*"], 'Add --arms "small"'),
        (Ablation(axes={"data.flip": [True]}), ["a"], "a space with named arms"),
        (
            Search(axes={"data.flip": choice(True, False)}, trials=2),
            ["a"],
            "a space with named arms",
        ),
    ],
)
def test_a_wrong_choice_of_arms_is_one_clear_error(
    space: Ablation | Search, patterns: list[str], message: str
) -> None:
    with pytest.raises(SpaceError, match=f"--arms: must .*{re.escape(message)}"):
        choose_arms(space, patterns)


def test_a_wrong_choice_on_the_command_line_starts_nothing(tune: Command) -> None:
    said = tune(str(PAPER), "--arms", "ResNet-21*")
    assert (said.code, said.out) == (2, "")
    assert "--arms: must match an arm" in said.err
    assert len(said.err.splitlines()) == 1
    assert tune.is_untouched()


def test_the_chosen_arms_alone_are_planned(tune: Command) -> None:
    said = tune(str(PAPER), "--arms", "DenseNet-40-12 C10*", "--plan=count")
    assert "trials     4: 4 arms × 1 seed" in said.out
    said = tune(str(PAPER), "--arms", "ResNet-20*", "--print-config")
    assert "name: resnet" in said.out


def test_arms_without_a_baseline_do_not_race() -> None:
    with pytest.raises(ConfigError, match="--until-interval: must have a baseline"):
        build_proposals(
            parse(SPACE), [], device="cpu", num_workers=1, race=Race(0.01, 5)
        )


def test_what_is_run_otherwise_than_stated_is_told_by_arm() -> None:
    published = {"A, table 1": {"small": 9, "deep net": 8.5}}
    source = SPACE.replace("arms=", f"published={published}, arms=")
    layers = [parse_overrides(["train.epochs=1", "data.name=synthetic"])]
    file = parse_space(source, "space.py", layers)
    small, deep = describe_published(file, layers)
    assert small == {
        "arm": "small",
        "source": "A, table 1",
        "error": 9.0,
        "changed": {"data.name": ["digits", "synthetic"], "train.epochs": [3, 1]},
    }
    assert deep["changed"]["train.epochs"] == [4, 1]
    assert [one["changed"] for one in describe_published(file, [])] == [{}, {}]
    assert describe_published(parse(SPACE), []) == []


def test_the_paper_s_table_is_the_papers_recipe() -> None:
    file = load_space(PAPER)
    found = build_proposals(file, [], device="cuda", num_workers=1)
    assert isinstance(found, AblationProposals)
    configs = {one.arm: one.config for one in found.trials}
    assert isinstance(file.space, Ablation)
    told = {arm for errors in file.space.published.values() for arm in errors}
    assert told == configs.keys()
    for arm, config in configs.items():
        assert (
            config.data.name
            == f"cifar{10 if ' C10' in arm and ' C100' not in arm else 100}"
        )
        is_plus = arm.endswith("+")
        assert (config.data.crop_padding, config.data.flip) == (4 * is_plus, is_plus)
        if config.model.name == "densenet":
            assert config.model.dropout == (0.0 if is_plus else 0.2)  # type: ignore[union-attr]
            assert (config.train.epochs, config.train.batch_size) == (300, 64)
        else:
            assert config.train.batch_size == 128
