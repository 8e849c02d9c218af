"""From one config to another, each time by the change that gains most.

A greedy ablation path (Fawcett and Hoos 2016, Analysing differences between algorithm
configurations through ablation), over several seeds.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from raypg.experiment.proposals import ENDED, NO_ROW, Past
from raypg.experiment.trials import Resolver, Trial, build_trial
from raypg.space import Path
from raypg.space.path import START


@dataclass
class _Stop:
    """A place that may come next: the changes made there, and what its trials gave."""

    made: tuple[int, ...]
    trials: list[Trial]
    values: dict[int, float | None] = field(default_factory=dict)
    """By seed; None where there is no number."""

    @property
    def has_ended(self) -> bool:
        return len(self.values) == len(self.trials)

    def score(self, mode: str) -> float:
        """Its mean, the higher the better; nothing is below one that failed."""
        known = [value for value in self.values.values() if value is not None]
        if not known:
            return -math.inf
        return fmean(known) if mode == "max" else -fmean(known)


class PathProposals:
    """The start; then all places one change further, of which the best is gone on from.

    A place whose config is illegal is none: of two changes that need each other the
    second comes first. At the end all changes are made.
    """

    baseline = START

    def __init__(self, resolver: Resolver, *, device: str, num_workers: int) -> None:
        assert isinstance(resolver.space, Path)
        self._resolver, self._space = resolver, resolver.space
        self._device, self._num_workers = device, num_workers
        num = len(self._space.changes)
        num_places = 1 + num * (num + 1) // 2
        self.num_trials = num_places * len(self._space.seed_list())
        self._past: dict[str, Past] = {}
        self._begin()

    @property
    def is_waiting(self) -> bool:
        """Whether trials that are under way decide what comes next."""
        return any(not stop.has_ended for stop in self._round)

    @property
    def steps(self) -> list[tuple[list[str], dict[int, float | None]]]:
        """The way as it went: the changes made by each place, its values by seed."""
        return [([*map(self._space.name, one.made)], one.values) for one in self._way]

    def propose(self) -> Trial | None:
        """The next place's trials, seed by seed; None too while they are awaited."""
        while not self._waiting and self._round and not self.is_waiting:
            self._go_on()
        return self._waiting.popleft() if self._waiting else None

    def observe(self, key: str, epoch: int, value: float | None) -> None:
        """A way goes by the last epochs alone."""

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """Take the result into its place."""
        stop, seed = self._places[key]
        stop.values[seed] = value if status in ("completed", "cached") else None

    def replay(self, past: Sequence[Past]) -> None:
        """Go the way that was gone; what has not ended is proposed again."""
        self._past = {one.key: one for one in past if one.status in ENDED}
        self._begin()

    def corners(self) -> Iterator[Trial]:
        """Both ends of the way."""
        seed = self._space.seed_list()[0]
        for made in ((), tuple(range(len(self._space.changes)))):
            yield self._build(made, seed)

    def _begin(self) -> None:
        self._way: list[_Stop] = []
        self._places: dict[str, tuple[_Stop, int]] = {}
        self._waiting: deque[Trial] = deque()
        self._round = self._open([()])

    def _count(self) -> None:
        """How many trials there are, or may be: illegal places have none."""
        if not self._round:
            self.num_trials = len(self._places)

    def _go_on(self) -> None:
        best = max(self._round, key=lambda stop: stop.score(self._space.mode))
        self._way.append(best)
        left = [i for i in range(len(self._space.changes)) if i not in best.made]
        self._round = self._open([(*best.made, index) for index in left])
        if left and not self._round:  # each change needs another one: all at once
            self._round = self._open([(*best.made, *left)])
        self._count()

    def _open(self, places: Sequence[tuple[int, ...]]) -> list[_Stop]:
        """Propose the trials of all places that are legal."""
        legal = [made for made in places if self._is_legal(made)]
        seeds = self._space.seed_list()
        stops = [_Stop(one, [self._build(one, s) for s in seeds]) for one in legal]
        for stop in stops:
            for seed, trial in zip(seeds, stop.trials, strict=True):
                self._places[trial.key] = (stop, seed)
        for trials in zip(*(stop.trials for stop in stops), strict=True):
            for trial in trials:
                if trial.key in self._past:
                    past = self._past[trial.key]
                    self.finish(trial.key, past.status, past.value)
                else:
                    self._waiting.append(trial)
        return stops

    def _is_legal(self, made: Sequence[int]) -> bool:
        config, _ = self._resolver.try_config(self._space.values(made))
        return config is not None

    def _build(self, made: Sequence[int], seed: int) -> Trial:
        values = self._space.values(made)
        return build_trial(
            self._resolver.config(values, seed),
            self._space.label(made),
            values,
            device=self._device,
            num_workers=self._num_workers,
        )
