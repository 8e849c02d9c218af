"""What a worker makes of a trial that goes wrong."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ray.exceptions import NodeDiedError
from torch import nn

from raypg.cluster.mailbox import Delivery
from raypg.cluster.messages import Assignment, Ended
from raypg.cluster.worker import is_poisoned, run_trial
from raypg.config import fingerprint, flatten, load, parse_overrides
from raypg.training.world import alone
from tests.fakes import FakeLink


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    """Of a trial of two epochs."""
    config = load([parse_overrides(["model.name=mlp", "train.epochs=2"])])
    return Assignment(
        trial=fingerprint(config, device="cpu", num_workers=1).key,
        sweep="s",
        store=str(tmp_path),
        attempt=0,
        config=flatten(config),
        device="cpu",
        num_threads=1,
        checkpoint_every_s=1e9,
        keeps_every_state=False,
        trials_per_worker=0,
    )


def run(assignment: Assignment, link: FakeLink) -> Ended:
    return run_trial(Delivery(0, 0, assignment, None), alone(num_threads=1), link)


def test_a_worker_with_other_code_than_the_sweeps_trains_nothing(
    assignment: Assignment,
) -> None:
    link = FakeLink()
    ended = run(replace(assignment, trial="0" * 16), link)
    assert ended.status == "failed"
    assert "must be trained by the code, data and torch that its" in ended.reason
    assert not ended.is_shared
    assert not link.epochs


@pytest.mark.parametrize(
    ("error", "reason", "cause"),
    [
        (RuntimeError("1 and\nshapes"), "RuntimeError: 1 and", "code"),
        (MemoryError("of a host"), "out of memory: of a host", "out_of_memory"),
        (torch.OutOfMemoryError("of\nTip"), "out of memory: of", "out_of_memory"),
    ],
)
def test_what_a_model_raises_is_the_trials_reason(
    assignment: Assignment,
    error: Exception,
    reason: str,
    cause: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(nn.ReLU, "forward", fail)
    ended = run(assignment, FakeLink())
    assert (ended.status, ended.reason, ended.cause) == ("failed", reason, cause)
    assert type(error).__name__ in ended.error
    assert not ended.is_poisoned


def test_a_lost_node_is_not_the_trials_end(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NodeDiedError("node 12ab")

    monkeypatch.setattr(nn.ReLU, "forward", fail)
    with pytest.raises(NodeDiedError, match="12ab"):
        run(assignment, FakeLink())


def test_memory_that_ran_out_spares_the_process_and_a_lost_gpu_does_not() -> None:
    assert not is_poisoned(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_poisoned(ValueError("shape"))
    assert is_poisoned(RuntimeError("CUDA error: an illegal memory access"))
    assert is_poisoned(torch.AcceleratorError("device-side assert"))
