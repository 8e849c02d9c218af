"""The examples of `docs/own.md` run as they stand."""

import re
from pathlib import Path

import pytest

from raypg.experiment import load_space
from raypg.own import forget
from raypg.results import open_results
from raypg.space import Ablation
from tests.command import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own.md").read_text()
COMMANDS = re.findall(r"(?m)^    python -m raypg\.train (.*examples/own/.*)$", PAGE)
SHORT = ("train.epochs=1", "data.fraction=0.3", "--threads", "1")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    forget()


def test_each_kind_has_its_example() -> None:
    kinds = {command.partition("=")[0] for command in COMMANDS}
    assert kinds == {"model.name", "optimizer.name", "train.metrics", "data.name"}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_trains(command: str, train: Command) -> None:
    model = () if "model.name" in command else ("model.name=mlp",)
    said = train(*command.split(), *model, *SHORT)
    assert said.code == 0, said.err
    (row,) = open_results(train.store).trials("train")
    assert row["status"] == "completed"


def test_their_space_varies_a_key_of_ones_own() -> None:
    space = load_space("examples/own/space.py").space
    assert isinstance(space, Ablation)
    assert space.axes == {"model.width": [8, 16]}
