"""Trials that fail in the worker that trains them, for as long as a file says so.

A file beside the store, named after `model.hidden`, holds the fault of the trials of
that width: its name, `once` if it is to go with its first strike, the one rank that it
strikes. It strikes once the first epoch is over; `stuck` is a hang at the fourth step
of every process. `big 8` is a lack of memory, at any time, for the activations of more
than 8 examples. `slow` is no fault: each further training step takes 0.3 s and is
counted in a file of its network's own (see `steps_taken`).
"""

import os
import signal
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from raypg.cluster import group, trainable
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import GroupTrainable, LocalTrainable, Workers
from raypg.errors import DataError
from raypg.models import ImageShape, MlpConfig, build_model
from raypg.training import parts

FOLDER = "faults"
Plan = Callable[..., None]


class FaultyTrainable(LocalTrainable):
    """The actor of a sweep's trials, with networks that may be faulty."""

    def build_workers(self, assignment: Assignment) -> Workers:
        _make_faulty(_folder(assignment))
        return super().build_workers(assignment)


class FaultyGroupTrainable(GroupTrainable):
    """The same, with several workers a trial."""

    def build_workers(self, assignment: Assignment) -> Workers:
        serve = partial(_serve_faulty, _folder(assignment))
        group.serve_in_group = serve
        return super().build_workers(assignment)


def _serve_faulty(folder: Path, config: dict[str, Any]) -> None:
    _make_faulty(folder)
    group.serve_in_group(config)


def _folder(assignment: Assignment) -> Path:
    return Path(assignment.store).parent / FOLDER


def _make_faulty(folder: Path) -> None:
    def build(config: MlpConfig, shape: ImageShape, num_classes: int) -> nn.Module:
        model = build_model(config, shape, num_classes)
        marker = folder / str(config.hidden)
        if marker.exists():
            model.register_forward_hook(_hook(marker))
        return model

    parts.build_model = build  # type: ignore[assignment]


def _hook(marker: Path) -> Callable[[nn.Module, object, Tensor], Tensor]:
    """What a network does behind its forward pass; it is good in its first epoch."""
    fault, *how = marker.read_text().split()
    has_validated = False
    num_steps = 0
    own_steps = marker.with_name(f"{uuid.uuid4()}.steps")

    def strike(module: nn.Module, inputs: object, logits_BK: Tensor) -> Tensor:
        nonlocal has_validated, num_steps
        num_steps += 1
        if fault == "stuck" and num_steps > 3:
            break_down("hang")
        if fault == "big" and module.training and len(logits_BK) > int(how[0]):
            torch.empty(2**60)
        has_validated |= not module.training
        if fault == "big" or not (module.training and has_validated):
            return logits_BK
        if how[1:] and int(how[1]) != dist.get_rank():
            return logits_BK
        if fault == "slow":
            time.sleep(0.3)
            with own_steps.open("a") as file:
                file.write(".")
            return logits_BK
        if how[:1] == ["once"]:
            marker.unlink()
        return logits_BK * float("nan") if fault == "nan" else break_down(fault)

    return strike


def steps_taken(folder: Path) -> list[int]:
    """Training steps after the first epoch, of each slow network in each process."""
    return sorted(path.stat().st_size for path in (folder / FOLDER).glob("*.steps"))


def break_down(fault: str) -> Tensor:
    """Fail as the cause of that name does."""
    if fault == "worker_lost":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "stop":
        # Which thread takes the signal is open: this one may run on for a while.
        os.kill(os.getpid(), signal.SIGSTOP)
    if fault in ("hang", "stop"):
        time.sleep(3600)
    if fault == "out_of_memory":
        raise MemoryError("made to fail")
    if fault == "data":
        raise DataError("data", "must be whole", "a fault", "Restore it.")
    raise ValueError("made to fail")


@pytest.fixture
def plan_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Say which width of the trials in `tmp_path`'s stores has which fault."""
    monkeypatch.setattr(trainable, "LocalTrainable", FaultyTrainable)
    monkeypatch.setattr(trainable, "GroupTrainable", FaultyGroupTrainable)
    folder = tmp_path / FOLDER
    folder.mkdir()

    def plan(faults: dict[int, str]) -> None:
        for marker in folder.iterdir():
            marker.unlink()
        for hidden, fault in faults.items():
            (folder / str(hidden)).write_text(fault)

    return plan
