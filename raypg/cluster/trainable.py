"""The actor that Tune sees: it hands trials to warm workers and takes their reports."""

import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from ray import tune
from ray.train._internal.checkpoint_manager import _TrainingResult

from raypg.checkpoints import (
    last_good_checkpoint,
    patiently,
    read_good_checkpoint,
    unreadable_is_damaged,
)
from raypg.cluster.connect import Need
from raypg.cluster.messages import Assignment, Ended, Message, Report
from raypg.cluster.own_checkpoint import only_own
from raypg.errors import CheckpointError, ClusterError
from raypg.store import Store
from raypg.training.state import (
    State,
    load_packed_state,
    pack_state,
    save_state,
    unpack_state,
)

POLL_S = 1.0
"""How often a trial actor looks after its workers while it waits for them."""

MOST_SHARE = 0.2
"""Of a trial's time, what it waits for a store that takes no checkpoint."""

EPOCH = "raypg_epoch"
"""Tune's `training_iteration` counts calls of `step`, not epochs."""

REPORTED = "raypg_reported"
"""An epoch's metrics as pairs: of each number in a result, and of each nested one,
Tune's driver keeps six statistics (`tests/benchmarks/driver.py` has what they cost).
Lists, because Ray pickles tuples."""


class Tray(Protocol):
    """A mailbox as the trial actor sees it; `Mailbox` says what the calls do."""

    def assign(self, assignment: Assignment, state: bytes | None) -> int:
        """Give the workers a trial."""

    def next_message(self, timeout_s: float) -> Message | None:
        """The trial's next report or its end; None when none came in time."""

    def stop(self) -> None:
        """Tell the workers to leave the trial."""

    def want_states(self) -> None:
        """Have a checkpoint of every epoch from now on."""


class Workers(Protocol):
    """Warm workers of either kind, which outlive the trial."""

    @property
    def mailbox(self) -> Tray:
        """Where they meet the trial actor."""

    def nodes(self) -> Collection[str]:
        """Where they run, by Ray's ids."""

    def failure(self) -> BaseException | None:
        """What ended the workers, where something did."""

    def close(self) -> None:
        """Leave the trial and end the workers."""


class WarmTrainable(tune.Trainable):  # type: ignore[misc]
    """Tune's actor for one trial after another; a kind of workers completes it."""

    def build_workers(self, assignment: Assignment) -> Workers:
        """The workers, started. Called once in the life of the actor."""
        raise NotImplementedError

    def setup(self, config: dict[str, Any]) -> None:
        """Start the workers and take the first trial."""
        self._num_trials = 0
        self._problem = ""
        self._passes_over_until = 0.0
        self._is_assigned = False
        self._is_leaving = False
        self._epoch = 0
        self._take(config)
        self._workers = self.build_workers(self._assignment)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial; the one before is left if it has not ended."""
        self._workers.mailbox.stop()
        self._take(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """The trial's next epoch; with its last one, how it ended."""
        if not self._is_assigned:
            # Not before: Tune tries a step again that fails, and no reset.
            if self._assignment.resume_from and self._packed is None:
                self._start_from_folder(self._assignment.resume_from)
            self._is_assigned = True
            self._workers.mailbox.assign(self._assignment, self._packed)
        message = self._next_message()
        if isinstance(message, Ended):
            return self._end({EPOCH: self._epoch, **self._take_history()}, message)
        self._epoch = message.epoch
        result = self._result(message)
        if message.epoch >= self._assignment.num_epochs:
            return self._end(result, self._last_message())
        return result

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write the state of the last epoch that `step` returned."""
        state = self._state
        if state is None:
            rule = "must have a state at hand when Tune asks for a checkpoint"
            raise ClusterError(self._assignment.trial, rule, "none", "Report this.")
        data = state if isinstance(state, bytes) else pack_state(state)
        save_state(Path(checkpoint_dir), data, self._epoch)

    def save(self, checkpoint_dir: str | None = None) -> Any:  # noqa: ANN401
        """Save as Tune does; a store that fails costs the checkpoint, not the trial.

        The next ones are then passed over for a while: the trial waits for each try, a
        store that does not answer takes a minute or two, and training is to go on.
        """
        began = time.monotonic()
        if began < self._passes_over_until and not self._has_ended:
            return _TrainingResult(checkpoint=None, metrics={})
        number = self._checkpoint_number()
        try:
            # Tune's own folder for it would stay where the upload fails.
            with TemporaryDirectory(prefix="raypg-") as own:
                return super().save(checkpoint_dir or own)
        except OSError as error:
            if self._checkpoint_number() != number:
                self._remove_torn(number)
            self._problem = f"epoch {self._epoch} has no checkpoint: {error}"
            now = time.monotonic()
            self._passes_over_until = now + (now - began) / MOST_SHARE
            return _TrainingResult(checkpoint=None, metrics={})

    def _checkpoint_number(self) -> int:
        return self._storage.current_checkpoint_index if self._storage else -1

    def _remove_torn(self, number: int) -> None:
        """Free what a checkpoint cut short has taken of a full disk: rows need it.

        Args:
            number: of the one before. The driver counts those that were written, and
                is to go on from the same number as this actor.
        """
        if self._store.is_local:
            with suppress(OSError):
                torn = self._storage.checkpoint_fs_path
                self._storage.storage_filesystem.delete_dir(torn)
        self._storage.current_checkpoint_index = number

    def restore(self, checkpoint_path: str | _TrainingResult) -> None:
        """Restore as Tune does; where that checkpoint is damaged, from one before it.

        Where there is none, the trial starts as its assignment says.
        """
        own = only_own(checkpoint_path)
        try:
            with unreadable_is_damaged(self._store, own.checkpoint.path):
                patiently(lambda: super(WarmTrainable, self).restore(own), self._store)
        except (CheckpointError, ValueError) as error:  # damaged, or gone
            sweep, trial = self._assignment.sweep, self._assignment.trial
            folder = patiently(
                lambda: last_good_checkpoint(self._store, sweep, trial), self._store
            )
            if folder:
                self._start_from_folder(folder)
            self._problem = f"goes on from epoch {self._epoch}: {error}"

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on from a checkpoint of Tune's, instead of from where `setup` would."""
        self._start_from(load_packed_state(Path(checkpoint_dir)))

    def note_leaving(self, nodes: Collection[str]) -> None:
        """Nodes are about to go: be ready where one of them is the workers'.

        What trains there trains on, and has a checkpoint of every epoch to go on from
        elsewhere. The actor takes no trial after this one.

        Args:
            nodes: their ids.
        """
        if not self._is_leaving and not set(nodes).isdisjoint(self._workers.nodes()):
            self._is_leaving = True
            self.save_soon()

    def save_soon(self) -> None:
        """Have a checkpoint of every epoch that ends from now on."""
        self._workers.mailbox.want_states()

    def cleanup(self) -> None:
        """End the workers with the actor."""
        self._workers.close()

    @property
    def _store(self) -> Store:
        return Store(self._assignment.store)

    def _take(self, config: dict[str, Any]) -> None:
        self._assignment = Assignment.from_json(config["assignment"])
        self._num_trials += 1
        self._is_assigned = False
        self._state: State | bytes | None = None
        self._epoch = 0
        self._has_ended = False
        self._history: list[dict[str, float]] = []
        self._packed: bytes | None = None

    def _start_from_folder(self, folder: str) -> None:
        """Go on from a checkpoint, or the one before it; from nothing where none is."""
        damaged: list[str] = []
        found, packed = patiently(
            lambda: read_good_checkpoint(self._store, folder, damaged.append),
            self._store,
        )
        if found:
            self._start_from(packed)
        if damaged:
            self._problem = f"goes on from epoch {self._epoch}: {damaged[0]}"

    def _start_from(self, packed: bytes) -> None:
        self._packed = self._state = packed
        state = unpack_state(packed, self._assignment.trial)
        self._epoch, self._history = state.epoch, state.history

    def _next_message(self) -> Report | Ended:
        mailbox = self._workers.mailbox
        while True:
            message = mailbox.next_message(POLL_S)
            if message is not None:
                return message
            failure = self._workers.failure()
            if failure is not None:
                raise failure

    def _last_message(self) -> Ended:
        message = self._next_message()
        assert isinstance(message, Ended), message
        return message

    def _result(self, report: Report) -> dict[str, Any]:
        self._state = report.state
        facts = {
            "raypg_incarnation": report.incarnation,
            "should_checkpoint": report.is_due,
            "raypg_summary": dict(report.summary),
            # A scheduler may make this the trial's last result.
            "raypg_recycle": self._is_spent,
            "raypg_problem": self._problem,
        }
        self._problem = ""
        return {
            EPOCH: report.epoch,
            REPORTED: [list(pair) for pair in report.metrics.items()],
            "raypg_status": "running",
            **{name: fact for name, fact in facts.items() if fact},
            **self._take_history(),
        }

    def _take_history(self) -> dict[str, Any]:
        """What a checkpoint remembers, told once: the driver may have lost it."""
        history, self._history = self._history, []
        return {"raypg_history": history} if history else {}

    def _end(self, result: dict[str, Any], ended: Ended) -> dict[str, Any]:
        self._has_ended = True
        return {
            **result,
            "done": True,
            "should_checkpoint": ended.status == "completed"
            and self._state is not None,
            "raypg_status": ended.status,
            "raypg_reason": ended.reason,
            "raypg_cause": ended.cause,
            "raypg_error": ended.error,
            "raypg_summary": dict(ended.summary),
            "raypg_test": dict(ended.test),
            "raypg_recycle": self._is_spent or ended.is_poisoned,
        }

    @property
    def _is_spent(self) -> bool:
        """Whether the actor is to take no trial after this one."""
        limit = self._assignment.trials_per_worker
        return self._is_leaving or 0 < limit <= self._num_trials


class LocalTrainable(WarmTrainable):
    """One worker a trial, in the actor itself."""

    def build_workers(self, assignment: Assignment) -> Workers:
        """A training thread in this process."""
        from raypg.cluster.local import LocalWorkers

        return LocalWorkers()


class GroupTrainable(WarmTrainable):
    """Several workers a trial, in a Ray Train worker group."""

    need: Need

    def build_workers(self, assignment: Assignment) -> Workers:
        """A worker group of the size that a trial needs."""
        from raypg.cluster.group import GroupWorkers

        return GroupWorkers(self.need, assignment)


def build_trainable(need: Need, *, uses_group: bool) -> object:
    """The kind of trainable that a sweep needs, with its resources in Tune's terms.

    A group's workers take their resources themselves, outside the trial's placement
    group: CPUs given to the trial actor would be CPUs that no worker gets. What it
    reserves is memory.
    """
    if not uses_group:
        return tune.with_resources(LocalTrainable, need.per_worker)
    from raypg.cluster.spread import SpreadPlaces

    kind = type("GroupTrainable", (GroupTrainable,), {"need": need})
    return tune.with_resources(kind, SpreadPlaces(need))
