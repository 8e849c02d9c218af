"""Tune's schedulers, taught to remember, to part with a worker, and to look at few."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.space import ASHA

Curve = Iterable[tuple[int, float]]
"""A trial's metric by epoch, in order."""


def build_scheduler(
    asha: ASHA | None,
    metric: str,
    mode: str,
    ended: Mapping[str, Curve],
    interrupted: Mapping[str, Curve],
    *,
    reuses: bool,
) -> FIFOScheduler:
    """The scheduler of a sweep, with its past told to it.

    Args:
        asha: early stopping; None lets every trial run to its end.
        metric: what trials are compared by.
        mode: `max` or `min`.
        ended: what trials of earlier sessions reported, in the order of their ends.
        interrupted: the same of trials that will go on, by fingerprint.
        reuses: whether workers are kept from trial to trial.
    """
    if asha is None:
        return _Patient(reuses)
    scheduler = _Asha(
        reuses,
        interrupted,
        time_attr=EPOCH,
        metric=metric,
        mode=mode,
        max_t=asha.max_epochs,
        grace_period=asha.grace_epochs,
        reduction_factor=asha.reduction_factor,
    )
    for key, curve in ended.items():
        scheduler.replay(_StandIn(key), curve)
    return scheduler


@dataclass(frozen=True)
class _StandIn:
    """As much of a Tune trial as ASHA looks at."""

    trial_id: str


class _Queue:
    """The trials that are not over, in the order in which they came.

    Tune's own looks at all trials there ever were, at every step: 0.36 µs each, which
    after 10,000 is 4 of the 12 ms that the driver spends on a trial.
    """

    def __init__(self) -> None:
        self._trials: list[Trial] = []

    def add(self, trial: Trial) -> None:
        """Take in a trial."""
        self._trials.append(trial)

    def next(self) -> Trial | None:
        """The one to run next: new ones before those that were paused."""
        self._trials = [trial for trial in self._trials if not trial.is_finished()]
        for status in (Trial.PENDING, Trial.PAUSED):
            for trial in self._trials:
                if trial.status == status:
                    return trial
        return None


class _Patient(FIFOScheduler):  # type: ignore[misc]
    """First in, first out; no trial is stopped."""

    def __init__(self, reuses: bool) -> None:
        super().__init__()
        self._reuses = reuses
        self._queue = _Queue()

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Take in a trial."""
        self._queue.add(trial)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The trial to run next."""
        return self._queue.next()

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """Decide whether the trial's worker takes another trial."""
        _keep_or_recycle(tune_controller, self._reuses, result)
        super().on_trial_complete(tune_controller, trial, result)


class _Asha(AsyncHyperBandScheduler):  # type: ignore[misc]
    """Asynchronous successive halving (Li et al. 2020), Ray's stopping variant."""

    def __init__(
        self, reuses: bool, interrupted: Mapping[str, Curve], **options: object
    ) -> None:
        super().__init__(**options)
        self._reuses = reuses
        self._interrupted = interrupted
        self._queue = _Queue()

    def replay(self, trial: object, curve: Curve) -> None:
        """Let a trial's past count in the rungs; decisions were taken long ago."""
        super().on_trial_add(None, trial)
        self._fill_rungs(trial, curve)

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Take in a trial, with what it reported before it was interrupted."""
        super().on_trial_add(tune_controller, trial)
        self._queue.add(trial)
        key = Assignment.from_json(trial.config["assignment"]).trial
        self._fill_rungs(trial, self._interrupted.get(key, ()))

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        """Whether the trial goes on."""
        flat = _flat(result)
        return str(super().on_trial_result(tune_controller, trial, flat))

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """Decide whether the trial's worker takes another trial."""
        _keep_or_recycle(tune_controller, self._reuses, result)
        super().on_trial_complete(tune_controller, trial, _flat(result))

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The trial to run next."""
        return self._queue.next()

    def _fill_rungs(self, trial: Any, curve: Curve) -> None:  # noqa: ANN401
        bracket = self._trial_info[trial.trial_id]
        for epoch, value in curve:
            bracket.on_result(trial, epoch, self._metric_op * value)


def _flat(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result as Tune's schedulers read it."""
    return {**result, **dict(result.get(REPORTED, ()))}


def _keep_or_recycle(
    controller: TuneController, reuses: bool, result: Mapping[str, Any]
) -> None:
    """Tune decides right after this call whether to keep the actor of a trial.

    `reuse_actors` is all or nothing, and a `reset_config` that declines ends the next
    trial with an error, so that the switch is set trial by trial (Ray 2.60).
    """
    controller._reuse_actors = reuses and not result.get("raypg_recycle", False)
