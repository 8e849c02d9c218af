"""What a sweep would cost: counts times measurements, as ranges."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raypg.config import Config
from raypg.data import DatasetSpec, dataset_spec
from raypg.plan.counts import spread, steps_per_epoch
from raypg.plan.expect import Expected, epochs_of
from raypg.plan.shapes import MOST_COUNTED, Costs, Measured, shape_of
from raypg.plan.spans import Span, at_most, total
from raypg.retention import Retention
from raypg.space import Scheduler

START_RATIO = Span(2.5, 6.0)
"""Of a sweep's start to that of a process that imports torch: Ray's processes, imports
in the driver and in the workers (8 to 10 s for 2 s on two cores of a Xeon, Ray 2.60).
"""
GROUP_RATIO = 2.0
"""Of the start of Ray Train's groups to that of one worker a trial."""
DRIFT = Span(0.9, 1.2)
"""What a machine does in an hour, to what it did in a second."""
TRIAL_S = Span(0.03, 0.2)
"""Seconds of a trial beside its training, in a warm worker."""
COLD_RATIO = Span(1.0, 2.5)
"""Of a worker's replacement to `ready_s`."""

# Bytes, of sweeps with the columns of today, compacted.
TABLES_BYTES = Span(4e4, 8e4)
TRIAL_BYTES = Span(2e4, 4e4)
"""A trial's row, and what Tune notes of it."""
EPOCH_BYTES = Span(40, 250)
"""An epoch's row, and its place in the history of checkpoints."""
MOST_KEPT = 2
"""Checkpoints of a trial that Tune keeps."""
WHOLE_PREDICTIONS = 10_000_000
"""Bytes of probabilities up to which a trial's are kept whole."""


@dataclass(frozen=True)
class Setting:
    """How a sweep would run.

    Attributes:
        num_slots: trials at a time.
        ready_s: until a process has imported torch.
        num_workers: of a trial.
        is_group: whether they are a Ray Train group.
        trials_per_worker: after which a worker is replaced; 0 is never.
        checkpoint_every_s: seconds between a trial's checkpoints.
        scheduler: early stopping, where the space asks for it.
        retention: which checkpoints stay.
    """

    num_slots: int
    ready_s: float = 2.0
    num_workers: int = 1
    is_group: bool = False
    trials_per_worker: int = 0
    checkpoint_every_s: float = 15.0
    scheduler: Scheduler | None = None
    retention: Retention = Retention()


@dataclass(frozen=True)
class Estimate:
    """What a sweep would take.

    Attributes:
        wall_s: from the command to its end.
        worst_s: the same if every draw of a search were the costliest.
        disk_bytes: of the whole sweep.
        checkpoint_bytes: that part of it.
    """

    wall_s: Span
    worst_s: float
    disk_bytes: Span
    checkpoint_bytes: Span


def estimate(expected: Expected, costs: Costs, setting: Setting) -> Estimate:
    """Combine what would run with what its steps cost."""
    rate = _Rates(expected, costs, setting)
    trials = [rate.trial_s(config) for config in expected.todo]
    more = [rate.trial_s(config) for config in expected.perhaps]
    full = [rate.trial_s(config, is_full=True).low for config in expected.todo]
    start = START_RATIO.times(setting.ready_s)
    start = start.times(GROUP_RATIO if setting.is_group else 1.0)
    lows = makespan((span.low for span in trials), setting.num_slots)
    highs = makespan((span.high for span in [*trials, *more]), setting.num_slots)
    # Under early stopping a mean is shorter than the one trial that nobody stops.
    wall = Span(start.low + max(lows, *full), start.high + highs)
    corners = [rate.trial_s(config).high for config in expected.corners]
    num = len(expected.most)
    worst = makespan([max(corners)] * num, setting.num_slots) + start.high
    kept = _within(
        [rate.kept_bytes(config) for config in expected.todo],
        [rate.kept_bytes(config) for config in expected.perhaps],
        setting.retention,
    )
    rows = [rate.table_bytes(config) for config in expected.todo]
    rows += [at_most(rate.table_bytes(one).high) for one in expected.perhaps]
    tables = total(rows)
    disk = kept.plus(tables).plus(TABLES_BYTES)
    return Estimate(wall, worst, disk, kept)


def makespan(seconds: Iterable[float], num_slots: int) -> float:
    """Until the last trial ends, each begun in turn on the slot that is free first."""
    free_at = [0.0] * num_slots
    for one in seconds:
        heapq.heapreplace(free_at, free_at[0] + one)
    return max(free_at)


class _Rates:
    """What single trials of one sweep cost."""

    def __init__(self, expected: Expected, costs: Costs, setting: Setting) -> None:
        self._setting = setting
        self._num_trials = len(expected.most)
        shapes = list(dict.fromkeys(map(shape_of, [*expected.most, *expected.corners])))
        known = spread(shapes, MOST_COUNTED)
        found = [costs.of(one) for one in known]
        step = (len(known) - 1) / max(1, len(shapes) - 1)
        self._costs: dict[Config, Measured] = {
            shape: found[round(i * step)] for i, shape in enumerate(shapes)
        }

    def trial_s(self, config: Config, *, is_full: bool = False) -> Span:
        """Seconds of a trial; where `is_full`, of one that nobody stops."""
        setting, spec = self._setting, dataset_spec(config.data)
        cost = self._costs[shape_of(config)]
        val = -(-spec.num_val // setting.num_workers)
        test = -(-spec.num_test // setting.num_workers)
        epoch = cost.step_s.times(steps_per_epoch(config, setting.num_workers))
        epoch = epoch.plus(cost.image_s.times(val))
        epochs = self._epochs(config)
        if is_full:
            epochs = Span(epochs.high, epochs.high)
        beside = TRIAL_S
        if setting.trials_per_worker:
            cold = COLD_RATIO.times(setting.ready_s / setting.trials_per_worker)
            beside = beside.plus(cold)
        # A trial that is stopped early is not tested.
        tested = Span(0.0 if setting.scheduler else 1.0, 1.0)
        tests = cost.image_s.times(tested).times(test)
        return epoch.times(epochs).plus(tests).times(DRIFT).plus(beside)

    def kept_bytes(self, config: Config) -> Span:
        """Bytes of the checkpoints that are left of a trial."""
        setting = self._setting
        is_long = self.trial_s(config).high > setting.checkpoint_every_s
        has_older = is_long and not setting.retention.keeps_last_only
        one = self._costs[shape_of(config)].state_bytes
        return Span(1, MOST_KEPT if has_older else 1).times(one)

    def table_bytes(self, config: Config) -> Span:
        """Bytes of a trial's rows and predictions."""
        spec = dataset_spec(config.data)
        rows = TRIAL_BYTES.plus(EPOCH_BYTES.times(self._epochs(config)))
        predictions = _prediction_bytes(spec, spec.num_val).plus(
            _prediction_bytes(spec, spec.num_test)
        )
        tested = Span(0.0 if self._setting.scheduler else 1.0, 1.0)
        return rows.plus(predictions.times(tested))

    def _epochs(self, config: Config) -> Span:
        return epochs_of(config, self._setting.scheduler, self._num_trials)


def _within(kept: Sequence[Span], more: Sequence[Span], asked: Retention) -> Span:
    """What stays of the trials' checkpoints, whichever of them are the best.

    Args:
        kept: of trials that there will be.
        more: of those that there may be.
        asked: which ones are to stay.
    """
    least = int(min(asked.num_trials, len(kept)))
    low = sum(sorted(one.low for one in kept)[:least])
    most = int(min(asked.num_trials, len(kept) + len(more)))
    highs = sorted((one.high for one in [*kept, *more]), reverse=True)[:most]
    # The best one stays where it alone passes the budget.
    limit = max(asked.budget_bytes, *highs[:1], 0.0)
    return Span(min(low, limit), min(sum(highs), limit))


def _prediction_bytes(spec: DatasetSpec, num_images: int) -> Span:
    """Half precision, a row an image; where that is too much, the winner alone."""
    each = 2 * spec.num_classes
    if num_images * each > WHOLE_PREDICTIONS:
        return Span(3, 16).times(num_images)
    return Span(each, each + 16).times(num_images)
