"""Compiled networks: the numbers of the others, and what compiling costs."""

import os
import shutil
from typing import Any

import pytest

from raypg.config import Config, Layer, load, parse_overrides
from raypg.errors import ConfigError
from raypg.results.__main__ import main as show_main
from tests.command import Command
from tests.training.test_resume import assert_resumes
from tests.training.tiny import tiny_config, train_tiny

pytestmark = [
    # A warning of torch's compiler of its own deprecations is no fault of ours.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]
needs_compiler = pytest.mark.skipif(
    not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++")),
    reason="no C++ compiler",
)


def compiled(**more: Any) -> Config:  # noqa: ANN401
    return tiny_config("mlp", train__compile="default", **more)


@pytest.mark.slow
@needs_compiler
def test_a_compiled_network_learns_what_others_learn_and_its_cost_is_told() -> None:
    plain = tiny_config("mlp", model__dropout=0.0)
    outcome, link = train_tiny(compiled(model__dropout=0.0))
    eager, heard = train_tiny(plain)
    for one, other in zip(link.metrics, heard.metrics, strict=True):
        for name in ("train.loss", "val.loss"):
            assert one[name] == pytest.approx(other[name], rel=1e-3)
        assert "compile_s" not in other
    costs = [metrics["compile_s"] for metrics in link.metrics]
    assert costs[0] > 0
    assert costs[-1] == 0
    assert outcome.compile_s == sum(costs)
    assert eager.compile_s == 0
    assert link.last_state.model.keys() == heard.last_state.model.keys()


@pytest.mark.slow
@needs_compiler
def test_resume_is_bitwise_equal() -> None:
    assert_resumes(compiled(), 2)


@pytest.mark.slow
@needs_compiler
def test_a_sweep_shows_the_seconds_of_compiling(train: Command) -> None:
    tiny = ("model.name=mlp", "model.hidden=16", "data.fraction=0.1", "train.epochs=1")
    said = train(*tiny, "train.compile=true", "train.batch_size=30", "--threads", "1")
    assert said.code == 0
    assert "compile_s" in said.out.splitlines()[0]
    shown = Command(show_main, train.store, train.capsys, train.monkeypatch)
    header = next(
        line
        for line in shown("show", "train").out.splitlines()
        if line.startswith("trial ")
    )
    assert "compile_s" in header.split()


@pytest.mark.parametrize(
    ("text", "mode"),
    [("true", "default"), ("false", "off"), ("max-autotune", "max-autotune")],
)
def test_true_is_the_mode_that_torch_takes_itself(text: str, mode: str) -> None:
    assert load([parse_overrides([f"train.compile={text}"])]).train.compile == mode
    given = {"true": True, "false": False}.get(text, text)
    assert load([Layer("a test", {"train.compile": given})]).train.compile == mode


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ConfigError, match='found "max". Known: default, max-autotune'):
        load([parse_overrides(["train.compile=max"])])


def test_compiling_and_computing_again_exclude_each_other() -> None:
    rule = "must be off where train.checkpoint_activations is on"
    with pytest.raises(ConfigError, match=rule):
        compiled(train__checkpoint_activations=True)


def test_without_a_compiler_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"must find a C\+\+ compiler"):
        compiled()
