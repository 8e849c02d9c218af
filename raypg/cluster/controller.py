"""Tune's loop as a sweep needs it: asked less, and asked back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

from ray.tune import tune
from ray.tune.execution import class_cache
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

MANY = 10**6
"""More actors than any sweep has."""

MayGoOn = Callable[[Trial, Exception], bool]
"""Told of every failure that Tune sees, and asked whether the trial starts again."""


class SweepController(TuneController):  # type: ignore[misc]
    """Tune's loop; whether a trial starts again after a failure is asked each time.

    Idle actors end where the workers of a trial have no room: Tune keeps one for a
    trial to come, and does not know that it holds what another one waits for.

    Two things that Tune does at every step are left out: asking the searcher where it
    has no room, and looking after files of its own, which nobody reads. What they cost
    is in `tests/benchmarks/driver.py`.
    """

    def __init__(
        self,
        may_go_on: MayGoOn,
        has_room: Callable[[], bool],
        is_short: Callable[[], bool],
        **options: object,
    ) -> None:
        self._may_go_on = may_go_on
        self._has_room = has_room
        self._is_short = is_short
        self._failure: Exception | None = None
        self._keeps_idle = False
        """Whether trials of this sweep are paused at all."""
        self._num_pausing = 0
        super().__init__(**options)
        self._reuses = bool(options.get("reuse_actors"))

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Nothing: the tables are what a sweep is resumed from.

        Tune would write all of its trials into the store, pickled, at every second
        checkpoint of one of them, and wait for it.
        """

    def _maybe_update_trial_queue(self) -> None:
        is_busy = self._pending_trials or self._running_trials or self._paused_trials
        # With nothing under way Tune waits in there until there is something.
        if self._has_room() or not is_busy:
            super()._maybe_update_trial_queue()

    def _validate_result_metrics(self, result: object) -> None:
        """Nothing: the metrics are in a field of their own."""

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        """Leave an idle actor to a trial that has none on its way, where there is one.

        Tune gives it to the trial whose own process is still starting, and ends that
        one. Where trials are shorter than such a start, a sweep may so stay on the
        first of its slots.
        """
        if self._actor_cache.num_cached_objects and self._is_starting(trial):
            owners = self._trial_to_actor
            if any(one not in owners for one in self._pending_trials):
                return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    def _is_starting(self, trial: Trial) -> bool:
        """Whether a waiting trial has a process, and not only asked for one."""
        actor = self._trial_to_actor.get(trial)
        return (
            actor is not None
            and trial not in self._resetting_trials
            and self._actor_manager.is_actor_started(actor)
        )

    def _schedule_trial_pause(
        self, trial: Trial, should_checkpoint: bool = True
    ) -> None:
        """Pause a trial, and keep its actor for those that go on.

        Tune keeps one for each trial that waits for a process. Whole rounds of trials
        wait for their last one, and then want as many actors as they had.
        """
        if should_checkpoint:
            super()._schedule_trial_pause(trial, should_checkpoint)
            return
        # It is saved, and its actor is given up now.
        is_spent = (trial.last_result or {}).get("raypg_recycle", False)
        self._reuse_actors = self._reuses and not is_spent
        if not self._keeps_idle:
            self._actor_cache.increase_max(trial.placement_group_factory, MANY)
            self._keeps_idle = True
        self._num_pausing = 1
        super()._schedule_trial_pause(trial, should_checkpoint)
        self._num_pausing = 0

    def _maybe_cache_trial_actor(self, trial: Trial) -> bool:
        """Keep an actor, also where no new trial is to come but paused ones are."""
        if not (self._keeps_idle and self._search_alg.is_finished()):
            return bool(super()._maybe_cache_trial_actor(trial))
        num_wanting = len(self._paused_trials) + len(self._pending_trials)
        if num_wanting + self._num_pausing <= self._actor_cache.num_cached_objects:
            return False
        with patch.object(self._search_alg, "is_finished", lambda: False):
            return bool(super()._maybe_cache_trial_actor(trial))

    def on_step_end(self) -> None:
        """See Tune's."""
        super().on_step_end()
        if self._actor_cache.num_cached_objects and self._is_short():
            self._cleanup_cached_actors(force_all=True)

    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        """Start a trial again, or end it.

        An actor that died between two trials is met at the reset for the next one.
        Tune (Ray 2.60) tells of that twice, of the actor and of the call, takes the
        trial that waits for its reset for one that never started, and keeps it among
        those that are being reset: it would fail, or wait for ever.
        """
        if exception is self._failure:
            return
        self._failure = exception
        if trial in self._resetting_trials:
            self._resetting_trials.discard(trial)
            if trial.status == Trial.PENDING:
                self._set_trial_status(trial, Trial.RUNNING)
                self._unstage_trial_with_resources(trial)
        trial.max_failures = -1 if self._may_go_on(trial, exception) else 0
        super()._process_trial_failure(trial, exception)


@contextmanager
def own_tune(
    may_go_on: MayGoOn, has_room: Callable[[], bool], is_short: Callable[[], bool]
) -> Iterator[None]:
    """Have `Tuner.fit` use our controller, analyse nothing and send no keys.

    There are options for none of that: names of Tune's are replaced meanwhile.

    Args:
        may_go_on: see `MayGoOn`.
        has_room: whether the searcher may hand out a trial.
        is_short: whether idle actors are to make room.
    """
    controller = partial(SweepController, may_go_on, has_room, is_short)
    names = class_cache.ENV_VARS_TO_PROPAGATE
    sent = {name for name in names if not name.startswith("AWS_")}
    with (
        patch.object(tune, "TuneController", controller),
        patch.object(tune, "ExperimentAnalysis", _no_analysis),
        # Tune would put the driver's keys into its actors' `runtime_env`, which Ray
        # writes into its log and shows in its dashboard (Ray 2.60).
        patch.object(class_cache, "ENV_VARS_TO_PROPAGATE", sent),
    ):
        yield


def _no_analysis(**options: object) -> object:
    """Stands in for Tune's, which looks for two files of each trial in the store."""
    return SimpleNamespace(trials=[])
