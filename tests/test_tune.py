"""What `python -m raypg.tune` makes of a command line before anything is started."""

from pathlib import Path

import pytest
import yaml

from raypg.config import Config, flatten, load, parse_yaml
from tests.command import Command


def printed(tune: Command, *arguments: str) -> dict[str, object]:
    """The config that a command line stands for, by its dotted names."""
    said = tune("space.py", *arguments, "--print-config")
    assert (said.code, said.err) == (0, "")
    return dict(flatten(load([parse_yaml(said.out, "printed")])))


def test_print_config_prints_what_config_takes(tune: Command) -> None:
    first = tune("space.py", "train.epochs=7", "--print-config")
    Path("base.yaml").write_text(first.out)
    again = tune("space.py", "--config", "base.yaml", "--print-config")
    assert again.out == first.out
    assert yaml.safe_load(first.out)["train"]["epochs"] == 7
    assert tune.is_untouched()


def test_values_come_in_rising_order(tune: Command) -> None:
    """Defaults, a preset, files as they are named, the space's base, overrides."""
    default = dict(flatten(Config()))
    keys = ("train.epochs", "train.batch_size", "model.hidden", "model.name")
    assert printed(tune)["train.epochs"] == default["train.epochs"]
    preset = printed(tune, "--preset", "smoke")
    assert preset["train.epochs"] != default["train.epochs"]
    Path("a.yaml").write_text("train: {epochs: 11, batch_size: 16}\nmodel.name: cnn\n")
    Path("b.yaml").write_text("train: {epochs: 12}\n")
    files = ("--config", "a.yaml", "--config", "b.yaml")
    both = printed(tune, "--preset", "smoke", *files)
    assert [both[key] for key in keys] == [12, 16, 8, "mlp"]
    typed = printed(tune, *files, "train.epochs=13")
    assert (typed["train.epochs"], typed["train.batch_size"]) == (13, 16)


def test_the_papers_preset_reaches_a_space(tune: Command) -> None:
    said = printed(tune, "--preset", "paper")
    assert (said["data.name"], said["train.epochs"]) == ("cifar10", 300)


@pytest.mark.parametrize(
    ("arguments", "epochs"), [(("--preset=smoke",), 2), (("--config", "a.yaml"), 1)]
)
def test_a_preset_and_a_file_reach_a_plan(
    tune: Command, arguments: tuple[str, ...], epochs: int
) -> None:
    Path("a.yaml").write_text("train: {epochs: 1}\n")
    said = tune("space.py", *arguments, "--plan=count")
    assert said.code == 0
    assert f"epochs     {2 * epochs}; {epochs} a trial" in said.out
