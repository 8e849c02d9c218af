"""Which trial comes next: the arms of an ablation in turn, or the draws of a search."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from raypg.errors import SpaceError
from raypg.experiment.draws import Known
from raypg.experiment.learning import build_draws
from raypg.experiment.trials import (
    Resolver,
    Trial,
    build_trial,
    resolve_arms,
)
from raypg.space import Ablation, Search, Value, label_values

ENDED = ("completed", "stopped", "failed", "cached")
"""What is not proposed again on resume; `running` and `interrupted` are."""
NO_ROW: Mapping[str, Any] = {}
"""Nothing but the metric is known of a trial."""
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Past:
    """A trial of the sweep that is resumed, as the tables have it."""

    key: str
    values: Mapping[str, Value]
    status: str
    value: float | None = None
    """The space's metric at its last epoch."""
    observed: Mapping[int, float] = field(default_factory=dict)
    """The metric by epoch."""
    row: Mapping[str, Any] = field(default_factory=dict)
    """Of `trials`, as far as it is known."""


class Proposals(Protocol):
    """What the driver asks for trials, and tells how they went."""

    num_trials: int
    """At most so many are proposed."""

    def propose(self) -> Trial | None:
        """The next trial; None when nothing is left."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether more may come once trials that are under way have ended."""
        ...

    def observe(self, key: str, epoch: int, value: float | None) -> None:
        """An epoch of a trial gave this metric; None where it gave no number."""
        ...

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """A trial has ended: completed, stopped, failed, cached or interrupted.

        Args:
            key: of the trial.
            status: how it ended.
            value: of the space's metric.
            row: of `trials`, where a search finds its further metrics.
        """
        ...

    def replay(self, past: Sequence[Past]) -> None:
        """Go on from here: call it before the first proposal.

        Args:
            past: the sweep's trials in the order they were proposed. Those that have
                not ended are proposed again, first.
        """
        ...


def look_ahead(
    proposals: Proposals, memo: Mapping[str, Mapping[str, Any]], metric: str
) -> list[Trial]:
    """Take trials from the proposals, up to the first one that needs training.

    Those that the memo holds are told as cached, as what comes next may follow from
    them. Where the last one needs no training either, nothing is left to train.

    Args:
        proposals: of a sweep, with no trial under way.
        memo: the rows of completed trials, by fingerprint.
        metric: what the proposals are told.
    """
    ahead = []
    while (trial := proposals.propose()) is not None:
        ahead.append(trial)
        if trial.key not in memo:
            break
        row = memo[trial.key]
        proposals.finish(trial.key, "cached", row.get(metric), row)
    return ahead


class AblationProposals:
    """Every arm with the first seed, then every arm with the next one.

    So a sweep that is cut short still compares all arms, paired by seed.
    """

    def __init__(self, resolver: Resolver, *, device: str, num_workers: int) -> None:
        assert isinstance(resolver.space, Ablation)
        arms, baseline = resolve_arms(resolver)
        self.arms = tuple(arm.label for arm in arms)
        self.baseline = baseline.label if baseline else ""
        self.trials = tuple(
            build_trial(
                resolver.arm_config(arm, seed),
                arm.label,
                arm.values,
                device=device,
                num_workers=num_workers,
            )
            for seed in resolver.space.seed_list()
            for arm in arms
        )
        self.num_trials = len(self.trials)
        self._waiting = deque(self.trials)
        if len({trial.key for trial in self.trials}) < self.num_trials:
            raise _twins(resolver, self.trials)

    @property
    def is_waiting(self) -> bool:
        """Whether trials that are under way decide what comes next: none does."""
        return False

    def propose(self) -> Trial | None:
        """The next arm of the current seed."""
        return self._waiting.popleft() if self._waiting else None

    def observe(self, key: str, epoch: int, value: float | None) -> None:
        """No result changes what an ablation trains."""

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """No result changes what an ablation trains."""

    def replay(self, past: Sequence[Past]) -> None:
        """Leave out what has ended."""
        ended = {trial.key for trial in past if trial.status in ENDED}
        self._waiting = deque(t for t in self.trials if t.key not in ended)


def _twins(resolver: Resolver, trials: Sequence[Trial]) -> SpaceError:
    """Two trials of an ablation are one and the same."""
    assert isinstance(resolver.space, Ablation)
    rule = "must make trials that differ"
    if not resolver.space.arms:
        fix = "data.root alone changes no number: remove that axis."
        return SpaceError(f"{resolver.path}: axes", rule, "two that are one", fix)
    first: dict[str, str] = {}
    twins = (
        (first[one.key], one.arm)
        for one in trials
        if first.setdefault(one.key, one.arm) != one.arm
    )
    found = '"{}" and "{}", which are one'.format(*next(twins))
    fix = "Choose one of them by --arms, or leave out what makes them equal."
    return SpaceError(f"{resolver.path}: arms", rule, found, fix)


class SearchProposals:
    """Draws, all different, each told how it ended.

    A draw that equals a trial of this sweep, or that no model can be built of, is drawn
    again; after 100 in a row the space counts as exhausted.
    """

    def __init__(self, resolver: Resolver, *, device: str, num_workers: int) -> None:
        assert isinstance(resolver.space, Search)
        self.num_trials = resolver.space.trials
        self._resolver, self._search = resolver, resolver.space
        self._device, self._num_workers = device, num_workers
        self._draws = build_draws(resolver.space)
        self._index: dict[str, int] = {}
        self._seen: dict[str, dict[int, float]] = {}
        self._again: deque[Trial] = deque()
        self._best, self._num_no_better = -math.inf, 0

    @property
    def is_waiting(self) -> bool:
        """Whether trials that are under way decide what comes next: draws go on."""
        return False

    def propose(self) -> Trial | None:
        """A trial left over from before, or the next draw."""
        if self._again:
            return self._again.popleft()
        index = len(self._index)
        if self.has_lost_patience:
            self.num_trials = index
        if index == self.num_trials:
            return None
        for attempt in range(_MOST_ATTEMPTS):
            trial = self._build(self._draws.draw(index, attempt))
            if trial is not None and trial.key not in self._index:
                self._begin(trial.key, index)
                return trial
            self._draws.drop(index)
        self.num_trials = index
        return None

    def observe(self, key: str, epoch: int, value: float | None) -> None:
        """Keep the metric for when the trial ends, and let the sampler know."""
        if value is not None and math.isfinite(value):
            self._seen[key][epoch] = value
            self._draws.observe(self._index[key], epoch, value)

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """Tell the sampler."""
        self._note(status, value)
        further = [row.get(one.name) for one in self._search.objectives[1:]]
        self._draws.tell(self._index[key], status, (value, *further), self._seen[key])

    def replay(self, past: Sequence[Past]) -> None:
        """Tell the sampler what ended, in order; propose the rest again."""
        for trial in past:
            again = self._build(trial.values)
            if again is None or again.key in self._index:
                continue
            index = len(self._index)
            self._draws.enqueue(index, trial.values)
            self._begin(again.key, index)
            # Another key: the code has changed since, and its result is stale.
            if trial.key == again.key:
                for epoch, value in trial.observed.items():
                    self.observe(trial.key, epoch, value)
            if trial.status in ENDED and trial.key == again.key:
                self.finish(trial.key, trial.status, trial.value, trial.row)
            else:
                self._again.append(again)

    def learn(self, known: Sequence[Known]) -> None:
        """Tell the sampler of trials of other sweeps, before anything else."""
        for one in known:
            self._draws.learn(one)

    def corners(self) -> Iterator[Trial]:
        """The ends of the ranges in every combination: what the search may cost."""
        for values in self._search.corners():
            if (trial := self._build(values)) is not None:
                yield trial

    @property
    def has_lost_patience(self) -> bool:
        """Whether none is drawn any more, as many have ended without a better best."""
        return 0 < self._search.patience <= self._num_no_better

    def _note(self, status: str, value: float | None) -> None:
        """Count how long the best one has been the best; failures say nothing."""
        if status not in ("completed", "cached", "stopped"):
            return
        self._num_no_better += 1
        if status == "stopped" or value is None or not math.isfinite(value):
            return
        score = value if self._search.mode == "max" else -value
        if score > self._best:
            self._best, self._num_no_better = score, 0

    def _begin(self, key: str, index: int) -> None:
        self._index[key] = index
        self._seen[key] = {}

    def _build(self, values: Mapping[str, Value]) -> Trial | None:
        config, _ = self._resolver.try_config(values)
        if config is None:
            return None
        return build_trial(
            config,
            label_values(values),
            values,
            device=self._device,
            num_workers=self._num_workers,
        )
