"""Trials that fail in the worker that trains them, for as long as a file says so.

A file beside the store, named after `model.hidden`, holds the fault of the trials of
that width. It strikes once the first epoch is over.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import Tensor, nn

from raypg.cluster import trainable
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import LocalTrainable, Workers
from raypg.errors import DataError
from raypg.models import ImageShape, MlpConfig, build_model
from raypg.training import parts

FOLDER = "faults"
Plan = Callable[..., None]


class FaultyTrainable(LocalTrainable):
    """The actor of a sweep's trials, with networks that may be faulty."""

    def build_workers(self, assignment: Assignment) -> Workers:
        folder = Path(assignment.store).parent / FOLDER

        def build(config: MlpConfig, shape: ImageShape, num_classes: int) -> nn.Module:
            model = build_model(config, shape, num_classes)
            marker = folder / str(config.hidden)
            if marker.exists():
                model.register_forward_hook(_hook(marker.read_text()))
            return model

        parts.build_model = build  # type: ignore[assignment]
        return super().build_workers(assignment)


def _hook(fault: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
    """What a network does behind its forward pass; it is good in its first epoch."""
    has_validated = False

    def strike(module: nn.Module, inputs: object, logits_BK: Tensor) -> Tensor:
        nonlocal has_validated
        has_validated |= not module.training
        if not (module.training and has_validated):
            return logits_BK
        return logits_BK * float("nan") if fault == "nan" else break_down(fault)

    return strike


def break_down(fault: str) -> Tensor:
    """Fail as the cause of that name does."""
    if fault == "worker_lost":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "out_of_memory":
        raise MemoryError("made to fail")
    if fault == "data":
        raise DataError("data", "must be whole", "a fault", "Restore it.")
    raise ValueError("made to fail")


@pytest.fixture
def plan_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Say which width of the trials in `tmp_path`'s stores has which fault."""
    monkeypatch.setattr(trainable, "LocalTrainable", FaultyTrainable)
    folder = tmp_path / FOLDER
    folder.mkdir()

    def plan(faults: dict[int, str]) -> None:
        for marker in folder.iterdir():
            marker.unlink()
        for hidden, fault in faults.items():
            (folder / str(hidden)).write_text(fault)

    return plan
