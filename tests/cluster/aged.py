"""Code that is another version's, for as long as a file beside the store says so.

The driver and its workers hash `raypg/optim/__init__.py` to what the file holds.
"""

import importlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from raypg.cluster import trainable
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import LocalTrainable, Workers
from raypg.config.code import training_code
from raypg.entries import Entry
from raypg.progress import Lines

FILE = "optim.txt"
Edit = Callable[[str], object]
Interrupt = Callable[..., None]


class AgedTrainable(LocalTrainable):
    """The actor of a sweep's trials, with the code that the file names."""

    def build_workers(self, assignment: Assignment) -> Workers:
        file = Path(assignment.store).parent / FILE
        _fingerprints().training_code = _hashes(file)
        return super().build_workers(assignment)


def _fingerprints() -> Any:  # noqa: ANN401 a module
    return importlib.import_module("raypg.config.fingerprint")


def _hashes(file: Path) -> Callable[[str, str], Mapping[str, str]]:
    def hashes(model: str, data: str) -> Mapping[str, str]:
        return {
            **training_code(model, data),
            "raypg/optim/__init__.py": file.read_text(),
        }

    return hashes


@pytest.fixture
def edit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Give the code of all trials in `tmp_path`'s stores another version, by name."""
    file = tmp_path / FILE
    file.write_text("old")
    monkeypatch.setattr(trainable, "LocalTrainable", AgedTrainable)
    monkeypatch.setattr(_fingerprints(), "training_code", _hashes(file))
    return file.write_text


@pytest.fixture
def interrupt_after(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """End sweeps with a signal when a trial has so many epochs; without, no more."""
    place: tuple[int, int] | None = None

    def look(_: Lines, entry: Entry, metrics: Mapping[str, float]) -> None:
        if (entry.number, entry.epoch) == place:
            os.kill(os.getpid(), signal.SIGINT)

    def interrupt(number: int | None = None, epoch: int = 0) -> None:
        nonlocal place
        place = None if number is None else (number, epoch)

    monkeypatch.setattr(Lines, "on_epoch", look)
    return interrupt
