"""A scheduler whose trials wait for each other, and give up their worker meanwhile."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from raypg.cluster.messages import Assignment
from raypg.cluster.schedulers import Patient, flat_result
from raypg.cluster.stopper import Unsaved
from raypg.cluster.trainable import EPOCH
from raypg.experiment import Judge, Move
from raypg.space import Value

Copy = Callable[[Trial, Trial | None, Move], None]
"""Lets a trial go on from the state of another, where that is not over, with other
values of its axes."""


class Pausing(Unsaved, Patient):
    """Carries out what a judge decides, with Tune's means.

    A trial that waits is paused: Tune saves it, and its worker is free. Moves are
    carried out in their order, each once all trials that it is about are saved: whoever
    copies does so before the other one goes on.

    Args:
        judge: decides.
        metric: what it is told.
        reuses: whether workers are kept from trial to trial.
        values: what the axes of a trial begin with.
        copy: see `Copy`.
        has_slot: whether another trial may be on a worker.
    """

    def __init__(
        self,
        judge: Judge,
        metric: str,
        *,
        reuses: bool,
        values: Callable[[Trial], Mapping[str, Value]],
        copy: Copy,
        has_slot: Callable[[], bool],
    ) -> None:
        super().__init__(reuses)
        self._judge, self._metric = judge, metric
        self._values, self._copy, self._has_slot = values, copy, has_slot
        self._known: dict[str, Trial] = {}
        """By fingerprint, those that are not over."""
        self._moves: deque[Move] = deque()
        self._released: deque[Trial] = deque()

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Take in a trial; one that an earlier session left waiting waits on.

        Tune calls this too where a trial starts again after its process died.
        """
        key = _key(trial)
        super().on_trial_add(tune_controller, trial)
        if key in self._known:
            return
        self._known[key] = trial
        waits = self._judge.enter(key, self._values(trial))
        # After a resume it may be decided on before it is handed out.
        if waits or any(move.key == key for move in self._moves):
            # Tune enters it into its books after this call, by its status.
            trial.set_status(Trial.PAUSED)

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        """Whether the trial waits after this epoch."""
        key, epoch = _key(trial), result[EPOCH]
        waits = self._judge.report(key, epoch, flat_result(result)[self._metric])
        # It was decided on at this epoch already, and its process died before it had
        # saved it.
        is_due = any(one.key == key and one.epoch == epoch for one in self._moves)
        pauses = waits or is_due
        return str(TrialScheduler.PAUSE if pauses else TrialScheduler.CONTINUE)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The trial to run next: one that waits for its process, or may go on."""
        self._look()
        while self._moves and self._carry_out(tune_controller, self._moves[0]):
            self._moves.popleft()
        if (trial := self.queue.next()) is not None:
            return trial
        while self._released:
            trial = self._released[0]
            if trial.status == Trial.PAUSED:
                if not self._has_slot():
                    return None
                self.queue.add(trial)
                return trial
            self._released.popleft()
        return None

    @property
    def num_paused(self) -> int:
        """How many trials are under way on no worker."""
        return sum(one.status == Trial.PAUSED for one in self._known.values())

    @property
    def has_ready(self) -> bool:
        """Whether a trial that waits comes before a new one."""
        self._look()
        if any(one.status == Trial.PAUSED for one in self._released):
            return True
        return bool(self._moves) and self._moves[0].key in self._known

    def close(self) -> None:
        """No further trial will begin."""
        self._judge.close()

    def _look(self) -> None:
        """See which trials have ended, and ask the judge for what is decided."""
        for key, trial in list(self._known.items()):
            if trial.is_finished():
                self._judge.leave(key)
                del self._known[key]
        if not self._moves and self._has_slot():
            self._moves.extend(self._judge.moves())

    def _carry_out(self, controller: TuneController, move: Move) -> bool:
        """Whether it was done; else it is tried again at the next step."""
        trial = self._known.get(move.key)
        if trial is None or trial.is_finished():
            # After a resume trials are handed out one by one.
            return trial is not None
        if trial.status != Trial.PAUSED:
            return False
        if not move.goes_on:
            controller.stop_trial(trial)
            return True
        if move.donor:
            donor = self._known.get(move.donor)
            if donor is not None and donor.is_finished():
                donor = None
            if donor is not None and donor.status != Trial.PAUSED:
                return False
            self._copy(trial, donor, move)
        self._released.append(trial)
        return True


def _key(trial: Trial) -> str:
    return Assignment.from_json(trial.config["assignment"]).trial
