"""docs/training.md names what there is: its commands are read, its keys are fields."""

import re
from pathlib import Path
from typing import get_args

import pytest

import raypg
from raypg.config import load, parse_overrides
from raypg.config.tree import leaf_types
from raypg.optim import OPTIMIZERS
from raypg.optim.schedules import ScheduleConfig

PAGE = (Path(raypg.__file__).parents[1] / "docs" / "training.md").read_text("utf-8")
COMMANDS = re.findall(r"^python -m raypg\.train (.+)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_has_a_config(command: str) -> None:
    load([parse_overrides([word for word in command.split() if "=" in word])])


def test_every_key_of_the_page_is_one() -> None:
    named = set(re.findall(r"\b((?:train|data|optimizer|schedule)\.[a-z_]+)", PAGE))
    assert len(named) > 15
    assert named <= leaf_types().keys()


def test_every_optimizer_and_schedule_stands_on_the_page() -> None:
    kinds = get_args(get_args(ScheduleConfig)[0])
    names = [kind.__pydantic_fields__["name"].default for kind in kinds]
    assert all(f"| `{name}` |" in PAGE for name in names)
    assert all(f"`{name}`" in PAGE for name in OPTIMIZERS)
