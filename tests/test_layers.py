from pathlib import Path

import pytest

from raypg.config import flatten, load, parse_overrides, parse_yaml, read_yaml
from raypg.errors import ConfigError


def test_nested_and_dotted_names_are_one() -> None:
    text = "train:\n  epochs: 7\nmodel.depth: 22\nmodel:\n  growth_rate: 4\n"
    assert parse_yaml(text, "a.yaml").values == {
        "train.epochs": 7,
        "model.depth": 22,
        "model.growth_rate": 4,
    }


def test_numbers_that_yaml_takes_for_text_are_numbers() -> None:
    leaves = flatten(load([parse_yaml("optimizer: {lr: 1e-3}", "a.yaml")]))
    assert leaves["optimizer.lr"] == 0.001


def test_anchors_and_merges_are_resolved() -> None:
    text = "optimizer: &a {lr: 0.5}\nschedule: {}\ntrain: {<<: {epochs: 3}, epochs: 4}"
    assert parse_yaml(text, "a.yaml").values == {
        "optimizer.lr": 0.5,
        "train.epochs": 4,
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "model:\n", "---\n"])
def test_an_empty_file_or_section_says_nothing(text: str) -> None:
    assert parse_yaml(text, "a.yaml").values == {}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: [1", "a.yaml:1: must be YAML; found expected ',' or ']'"),
        ("a: 1\na: 2", 'a.yaml:2: must be YAML; found "a" given twice'),
        ("model: {depth: 1, depth: 2}", 'a.yaml:1: must be YAML; found "depth" given'),
        ("seed: 1\n'seed': 2", 'a.yaml:2: must be YAML; found "seed" given twice'),
        (
            "train.epochs: 1\ntrain: {epochs: 2}",
            'a.yaml: "train.epochs": must be given once; found 1 and 2',
        ),
        ("- 1", "a.yaml: must hold keys and values; found list"),
        ("just words", "a.yaml: must hold keys and values; found str"),
        ("model: &m {deep: *m}", "a.yaml: must be a tree"),
        ("a: !!python/object:os.system {}", "a.yaml:1: must be YAML"),
        ("a: \x00", "a.yaml: must be YAML"),
        ("seed: 2020-99-99", "a.yaml: must hold YAML's values; found month must be"),
        ("seed: !!int x", "a.yaml: must hold YAML's values; found invalid literal"),
        ("seed: !!bool maybe", "a.yaml: must hold YAML's values; found 'maybe'"),
    ],
)
def test_a_wrong_file_is_one_clear_error(text: str, match: str) -> None:
    with pytest.raises(ConfigError, match="^" + match.replace("[", r"\[")):
        parse_yaml(text, "a.yaml")


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="must be a whole number; found null"):
        load([parse_yaml("train:\n  epochs:\n", "a.yaml")])


def test_a_section_that_holds_a_value_is_an_error() -> None:
    with pytest.raises(ConfigError, match='"train": must name a field.*; found 3. Kno'):
        load([parse_yaml("train: 3\n", "a.yaml")])


def test_a_key_that_is_no_text_is_an_error() -> None:
    with pytest.raises(ConfigError, match='a.yaml: "3": must start with a section'):
        load([parse_yaml("3: 4\n", "a.yaml")])


def test_a_file_names_itself_when_it_is_missing_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere.yaml: must be a readable file"):
        read_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="must be a readable file; found Is a dir"):
        read_yaml(tmp_path)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="must be a readable file; found 'utf-8'"):
        read_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["train.epochs"], 'must be KEY=VALUE; found "train.epochs"'),
        (["=3"], 'must be KEY=VALUE; found "=3"'),
        (["seed=1", "seed=2"], '"seed": must be given once; found "1" and "2"'),
    ],
)
def test_a_wrong_override_is_an_error(arguments: list[str], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_overrides(arguments)
