"""An optimizer of the user's own, from its name to a checkpoint of its state."""

import pytest

from raypg.config import Layer, flatten, load
from raypg.errors import ConfigError
from raypg.results import open_results
from tests.command import Command
from tests.own.files import Write, write
from tests.training.test_resume import assert_resumes
from tests.training.tiny import tiny_config

__all__ = ["write"]

EXAMPLE = "examples/own/signed.py:Signed"
HEAD = "import torch\n\nclass Mine(torch.optim.SGD):\n"


def test_its_keys_stand_beside_its_rate() -> None:
    config = load([Layer("a test", {"optimizer.name": EXAMPLE})])
    own = {k: v for k, v in flatten(config).items() if k.startswith("optimizer.")}
    assert own == {
        "optimizer.name": EXAMPLE,
        "optimizer.lr": 0.003,
        "optimizer.momentum": 0.9,
        "optimizer.weight_decay": 0.0,
    }


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_resume_is_bitwise_equal(precision: str) -> None:
    own = {"optimizer__name": EXAMPLE, "optimizer__lr": 0.003}
    assert_resumes(tiny_config("cnn", **own, train__precision=precision), 2)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("def __init__(self, params): super().__init__(params, 0.1)", "have a key lr"),
        ("pass", r'"optimizer\.name": .*width|must'),
        ("def __init__(self, params, lr: float): pass", r"must step.*AttributeError"),
        ("def __init__(self, params, lr: float): super().__init__([], lr)", "empty"),
    ],
)
def test_one_that_cannot_step_is_told(write: Write, body: str, told: str) -> None:
    name = write("mine.py", f"{HEAD}    {body}\n") + ":Mine"
    values = {"optimizer.name": name, "optimizer.lr": 0.1}
    with pytest.raises(ConfigError, match=told):
        load([Layer("a test", values)])


def test_one_without_its_rate_in_its_groups_is_told(write: Write) -> None:
    source = """import torch

class Mine(torch.optim.Optimizer):
    def __init__(self, params, lr: float = 0.1):
        super().__init__(params, {})
    def step(self): pass
"""
    name = write("mine.py", source) + ":Mine"
    with pytest.raises(ConfigError, match=r'found no "lr" there'):
        load([Layer("a test", {"optimizer.name": name})])


def test_torchs_own_are_named_through_a_function(write: Write, train: Command) -> None:
    source = """import torch

def rmsprop(params, lr: float = 0.01, alpha: float = 0.99):
    return torch.optim.RMSprop(params, lr=lr, alpha=alpha)
"""
    name = write("opt.py", source) + ":rmsprop"
    said = train(
        f"optimizer.name={name}",
        "optimizer.alpha=0.9",
        "train.epochs=1",
        "data.fraction=0.2",
        "--threads",
        "1",
        "model.name=mlp",
    )
    assert said.code == 0, said.err
    (row,) = open_results(train.store).trials("train")
    assert row["config.optimizer.alpha"] == 0.9
