"""Budgets as they are typed, and counted."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from raypg.budget import Spending, parse_budget
from raypg.errors import ConfigError
from tests.command import Command

ENTRY: Any = SimpleNamespace()


@pytest.mark.parametrize(
    ("text", "amount", "kind"),
    [
        ("90m", 5400, "time"),
        ("2h", 7200, "time"),
        ("1.5 H", 5400, "time"),
        ("1d", 86400, "time"),
        ("30s", 30, "time"),
        ("300epochs", 300, "epochs"),
        ("1 epoch", 1, "epochs"),
        ("0.5gpuh", 1800, "gpu"),
    ],
)
def test_a_budget_is_a_number_and_its_unit(text: str, amount: float, kind: str) -> None:
    budget = parse_budget(text)
    assert budget is not None
    assert (budget.amount, budget.kind) == (amount, kind)


def test_no_budget_is_none() -> None:
    assert parse_budget("") is None


@pytest.mark.parametrize("text", ["2", "h", "0h", "-1h", "2 weeks", "infh", "1h30m"])
def test_anything_else_is_an_error_before_anything_starts(
    tune: Command, text: str
) -> None:
    with pytest.raises(ConfigError, match="--budget: must be a time, epochs or GPU-h"):
        parse_budget(text)
    said = tune("space.py", f"--budget={text}")
    assert (said.code, tune.is_untouched()) == (2, True)
    assert said.err.startswith("--budget: must be a time, epochs or GPU-hours")


def test_gpu_hours_want_gpus(tune: Command) -> None:
    said = tune("space.py", "--budget", "1gpuh", "--gpus-per-worker", "0")
    assert (said.code, tune.is_untouched()) == (2, True)
    assert "found 1gpuh, and no GPU" in said.err


def test_epochs_and_gpu_seconds_are_counted() -> None:
    for text, num in (("3epochs", 3), ("0.01gpuh", 2)):
        told: list[str] = []
        budget = parse_budget(text)
        assert budget is not None
        with Spending(budget, 2.0, told.append) as spending:
            for number in range(1, num + 1):
                assert not told
                spending.on_epoch(ENTRY, {"epoch_s": 9.0})
                assert bool(told) == (number == num)
        assert told == [f"--budget {text} is spent"]


def test_time_is_up_a_little_before_it_is() -> None:
    told: list[float] = []
    budget = parse_budget("0.5s")
    assert budget is not None
    began = time.monotonic()
    with Spending(budget, 0.0, lambda _: told.append(time.monotonic() - began)):
        time.sleep(0.6)
    assert 0.4 < told[0] < 0.55


def test_a_sweep_that_is_over_is_told_nothing() -> None:
    told: list[str] = []
    budget = parse_budget("0.2s")
    assert budget is not None
    with Spending(budget, 0.0, told.append):
        pass
    time.sleep(0.3)
    assert told == []
