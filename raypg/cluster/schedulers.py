"""Tune's schedulers, taught to remember, to part with a worker, and to look at few."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.space import ASHA, MedianStopping, Scheduler

Curve = Iterable[tuple[int, float]]
"""A trial's metric by epoch, in order."""


def build_scheduler(
    rule: Scheduler | None,
    metric: str,
    mode: str,
    ended: Mapping[str, Curve],
    interrupted: Mapping[str, Curve],
    *,
    reuses: bool,
) -> FIFOScheduler:
    """The scheduler of a sweep in which no trial waits, with its past told to it.

    Args:
        rule: early stopping; None lets every trial run to its end.
        metric: what trials are compared by.
        mode: `max` or `min`.
        ended: what trials of earlier sessions reported, in the order of their ends.
        interrupted: the same of trials that will go on, by fingerprint.
        reuses: whether workers are kept from trial to trial.
    """
    options: dict[str, Any] = {"time_attr": EPOCH, "metric": metric, "mode": mode}
    if isinstance(rule, MedianStopping):
        options["grace_period"] = rule.grace_epochs
        options["min_samples_required"] = rule.min_trials
        scheduler = _Median(reuses, interrupted, **options)
    elif isinstance(rule, ASHA) and not rule.promotion:
        options["max_t"] = rule.max_epochs
        options["grace_period"] = rule.grace_epochs
        options["reduction_factor"] = rule.reduction_factor
        scheduler = _Asha(reuses, interrupted, **options)
    else:
        return Patient(reuses)
    for key, curve in ended.items():
        scheduler.replay(_StandIn(key), curve)
    return scheduler


@dataclass(frozen=True)
class _StandIn:
    """As much of a Tune trial as ASHA looks at."""

    trial_id: str


class Queue:
    """The trials that wait for a process, in the order in which they came.

    One that has left the front must be added again when it waits again: Tune tells a
    scheduler so, with `on_trial_add`. Tune's own scheduler looks at all trials there
    ever were, at every step: 0.36 µs each, which after 10,000 is 4 of the 12 ms that
    the driver spends on a trial. With those under way alone it would still be a third
    of its time where 1,000 are.
    """

    def __init__(self) -> None:
        self._trials: deque[Trial] = deque()

    def add(self, trial: Trial) -> None:
        """Take in a trial."""
        self._trials.append(trial)

    def next(self) -> Trial | None:
        """The first that waits."""
        while self._trials and self._trials[0].status != Trial.PENDING:
            self._trials.popleft()
        return self._trials[0] if self._trials else None


class Patient(FIFOScheduler):  # type: ignore[misc]
    """First in, first out; no trial is stopped."""

    def __init__(self, reuses: bool) -> None:
        super().__init__()
        self._reuses = reuses
        self.queue = Queue()

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Take in a trial."""
        self.queue.add(trial)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The trial to run next."""
        return self.queue.next()

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """Decide whether the trial's worker takes another trial."""
        _keep_or_recycle(tune_controller, self._reuses, result)
        super().on_trial_complete(tune_controller, trial, result)


class _Remembering:
    """What both of Ray's rules are taught: a past, our results, our queue."""

    def __init__(
        self, reuses: bool, interrupted: Mapping[str, Curve], **options: object
    ) -> None:
        super().__init__(**options)
        self._reuses = reuses
        self._interrupted = interrupted
        self.queue = Queue()

    def replay(self, trial: object, curve: Curve) -> None:
        """Let a trial's past count; decisions were taken long ago."""
        super().on_trial_add(None, trial)  # type: ignore[misc]
        self._fill(trial, curve)

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        """Take in a trial, with what it reported before it was interrupted."""
        super().on_trial_add(tune_controller, trial)  # type: ignore[misc]
        self.queue.add(trial)
        key = Assignment.from_json(trial.config["assignment"]).trial
        self._fill(trial, self._interrupted.get(key, ()))

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        """Whether the trial goes on."""
        flat = flat_result(result)
        return str(super().on_trial_result(tune_controller, trial, flat))  # type: ignore[misc]

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """Decide whether the trial's worker takes another trial."""
        _keep_or_recycle(tune_controller, self._reuses, result)
        flat = flat_result(result)
        super().on_trial_complete(tune_controller, trial, flat)  # type: ignore[misc]

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        """The trial to run next."""
        return self.queue.next()

    def _fill(self, trial: Any, curve: Curve) -> None:  # noqa: ANN401
        """Put a past into the rule's books."""
        raise NotImplementedError


class _Asha(_Remembering, AsyncHyperBandScheduler):  # type: ignore[misc]
    """Asynchronous successive halving (Li et al. 2020), Ray's stopping variant."""

    def _fill(self, trial: Any, curve: Curve) -> None:  # noqa: ANN401
        bracket = self._trial_info[trial.trial_id]
        for epoch, value in curve:
            bracket.on_result(trial, epoch, self._metric_op * value)


class _Median(_Remembering, MedianStoppingRule):  # type: ignore[misc]
    """The median rule (Golovin et al. 2017), Ray's; an epoch counts once."""

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        """Whether the trial goes on."""
        own = self._own(result)
        # One whose process died repeats epochs.
        before = [one for one in self._results[trial] if one[EPOCH] < own[EPOCH]]
        self._results[trial] = before
        return super().on_trial_result(tune_controller, trial, own)

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """See `Patient`; the rule hears of a last epoch here alone."""
        _keep_or_recycle(tune_controller, self._reuses, result)
        own = self._own(result)
        seen = self._results[trial]
        if self._metric in own and (not seen or seen[-1][EPOCH] < own[EPOCH]):
            seen.append(own)
        if not seen:  # it failed in its first epoch
            del self._results[trial]

    def _own(self, result: Mapping[str, Any]) -> dict[str, Any]:
        flat = flat_result(result)
        return {name: flat[name] for name in (EPOCH, self._metric) if name in flat}

    def _fill(self, trial: Any, curve: Curve) -> None:  # noqa: ANN401
        if seen := [{EPOCH: epoch, self._metric: value} for epoch, value in curve]:
            self._results[trial] = seen

    def _on_insufficient_samples(
        self, tune_controller: TuneController, trial: Trial, time: float
    ) -> str:
        """Go on: Ray's would pause it, to look at others first."""
        return str(TrialScheduler.CONTINUE)


def flat_result(result: Mapping[str, Any]) -> dict[str, Any]:
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
