"""What the tests share: one Ray cluster, and short ways to run a sweep."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster import options, prepare
from raypg.cluster.connect import connect, disconnect
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import Finished, resume_sweep, start_sweep
from raypg.config import Layer, parse_overrides
from raypg.train import main
from raypg.tune import main as tune_main
from tests.command import GOOD, Command

NUM_SLOTS = 4
"""Declared CPUs of the shared cluster: slots, whatever the machine has."""

RunSpace = Callable[..., Finished]


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test keeps on this machine is taken in by a person's sweep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """One Ray cluster for all tests that need one; ended with the last of them."""
    connect(num_cpus=NUM_SLOTS)
    yield
    disconnect()


@pytest.fixture
def run_space(cluster: None, tmp_path: Path) -> RunSpace:
    """Run the text of a space file as a sweep in a store of its own.

    One trial at a time unless a test asks for more: each slot costs a process that
    imports torch, which takes longer than most of the trials here.
    """

    def run(source: str, *overrides: str, **options: object) -> Finished:
        path = tmp_path / "space.py"
        path.write_text(f"from raypg import *\n{source}\n")
        layers: list[Layer] = [parse_overrides(overrides)] if overrides else []
        defaults = {"store": str(tmp_path / "runs"), "max_concurrent": 1}
        given = {**defaults, **options}
        return start_sweep(str(path), layers, Options(**given))  # type: ignore[arg-type]

    return run


def resume(finished: Finished, *overrides: str, **more: object) -> Finished:
    """Go on with a sweep that `run_space` ran; `more` is for `resume_sweep`.

    Of it, what is a field of `Options` says how the sweep is asked to be run.
    """
    own = {one.name for one in fields(Options)}
    asked: dict[str, Any] = {name: more.pop(name) for name in own & more.keys()}
    options = Options(store=finished.store.uri, **{"max_concurrent": 1, **asked})
    return resume_sweep(finished.sweep, options, overrides=overrides, **more)  # type: ignore[arg-type]


@pytest.fixture
def train(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """`python -m raypg.train`, in a store of its own."""
    return Command(main, str(tmp_path / "runs"), capsys, monkeypatch)


@pytest.fixture
def tune(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """`python -m raypg.tune` beside a space.py; a cluster must not be asked for."""

    def refuse(*_: object) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAYPG_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(prepare, "connect", refuse)
    # Other tests of this session may have a cluster of their own.
    monkeypatch.setattr(options, "is_connected", lambda: False)
    Path("space.py").write_text(GOOD)
    return Command(tune_main, str(tmp_path / "runs"), capsys, monkeypatch)
