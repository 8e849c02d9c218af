"""What travels between the driver, a trial actor and its workers: plain values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raypg.training.state import State


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial as a worker gets it.

    Attributes:
        trial: the trial's fingerprint.
        sweep: the sweep that it belongs to.
        store: absolute URI of the store.
        attempt: how many times the trial was started before, in any session.
        config: every leaf of the config under its dotted name.
        device: `cpu` or `cuda`.
        num_threads: CPU threads a worker.
        checkpoint_every_s: seconds of training between checkpoints.
        keeps_every_state: whether a state must be at hand at every epoch, because a
            scheduler may pause, stop or copy the trial at any of them.
        trials_per_worker: trials after which a worker is replaced; 0 is never.
        num_workers: that train it together.
        repairs_oom: whether it is trained in smaller micro-batches once memory ran out.
        micro_batch: other than the config's, as it was repaired before; 0 is as that.
        hang_timeout_s: longest silence of a worker that trains; 0 is without end.
        own: the bundle of the user's files in the sweep's folder; empty for none.
        resume_from: folder of a checkpoint, within the store's file system, to go on
            from; empty starts afresh.
        changed: leaves that are otherwise by now than in `config`, by dotted name.
    """

    trial: str
    sweep: str
    store: str
    attempt: int
    config: Mapping[str, Any]
    device: str
    num_threads: int
    checkpoint_every_s: float
    keeps_every_state: bool
    trials_per_worker: int
    num_workers: int = 1
    repairs_oom: bool = False
    micro_batch: int = 0
    hang_timeout_s: float = 0.0
    resume_from: str = ""
    own: str = ""
    changed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_epochs(self) -> int:
        """The epochs of the whole trial."""
        return int(self.config["train.epochs"])

    def to_json(self) -> str:
        """The assignment as Tune carries it: one string, cheap to copy and to log."""
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> "Assignment":
        """The assignment that `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, kw_only=True)
class Report:
    """A finished epoch.

    Attributes:
        incarnation: how many times the workers were replaced within this attempt.
        state: the state at the end of the epoch, packed where it crosses processes;
            None where none was taken.
        is_due: whether a checkpoint is to be written of it.
        summary: columns of the `trials` table that are known from the start; with the
            first report.
    """

    number: int
    incarnation: int
    epoch: int
    metrics: Mapping[str, float]
    state: State | bytes | None = None
    is_due: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The end of a trial, good or bad.

    Attributes:
        status: `completed`, `stopped` or `failed`.
        reason: why, where it is not obvious.
        cause: of a failed trial, a key of `POLICIES`.
        summary: columns of the `trials` table that only the worker knows.
        test: columns of the `test_results` table.
        error: the traceback of a failed trial.
        is_shared: whether a failure met all ranks at one place, so that none of them
            waits for another.
        is_lost_peer: whether a collective broke because another rank was gone.
        is_poisoned: whether the process must not train another trial.
    """

    number: int
    status: str
    reason: str = ""
    cause: str = "code"
    summary: Mapping[str, Any] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    is_shared: bool = False
    is_lost_peer: bool = False
    is_poisoned: bool = False


Message = Report | Ended
