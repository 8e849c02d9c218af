"""Seeds where they are needed: an ablation whose arms race until each is decided."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from raypg.errors import ConfigError
from raypg.experiment.proposals import ENDED, NO_ROW, AblationProposals, Past
from raypg.experiment.trials import Resolver, Trial
from raypg.space import Ablation

FIRST_SEEDS = 3
"""That every arm has before it is judged: of two no interval is worth its name."""

MOST_SEEDS = 1_000
"""Of an arm; a race that long is a slip of the pen."""


@dataclass(frozen=True)
class Race:
    """When an arm needs no more seeds.

    Attributes:
        until_interval: half the width of the 95 % interval of an arm's difference to
            the baseline, in the metric's own scale, that is narrow enough.
        max_seeds: of an arm.
    """

    until_interval: float
    max_seeds: int

    def check(self) -> None:
        """Refuse what is no race.

        Raises:
            ConfigError: the interval is not above 0, or there are too few seeds.
        """
        if not self.until_interval > 0:
            rule, fix = "must be above 0", "0.005 is half a point of accuracy."
            found = f"{self.until_interval:g}"
            raise ConfigError("--until-interval", rule, found, fix)
        if self.max_seeds < FIRST_SEEDS:
            rule = f"must be at least {FIRST_SEEDS}, which every arm has"
            raise ConfigError("--max-seeds", rule, str(self.max_seeds), "Raise it.")
        if self.max_seeds > MOST_SEEDS:
            rule = f"must be at most {MOST_SEEDS:,}"
            raise ConfigError("--max-seeds", rule, str(self.max_seeds), "Lower it.")


@dataclass
class _Lane:
    """One arm: its trials by seed, and what came of them."""

    label: str
    trials: list[Trial]
    num_asked: int = 0
    values: dict[int, float | None] = field(default_factory=dict)
    """By the index of the seed; None where there is no number."""
    stopped_by: str = ""

    @property
    def num_values(self) -> int:
        """Seeds that gave a number."""
        return sum(value is not None for value in self.values.values())

    def has_ended(self, num: int) -> bool:
        """Whether its first trials, so many, have all ended."""
        return all(index in self.values for index in range(num))


class RacingProposals(AblationProposals):
    """Every arm with the first seeds; then those that are undecided with one more each.

    An arm is decided once its interval is narrow enough, or leaves out 0. The second is
    looked at again and again, of every arm: its p is multiplied by how often at most,
    and by the number of arms (Bonferroni), so that looking does not find what is not
    there. The baseline has every seed that any arm has. Nothing is gone on with that
    gave no number in its first seeds.

    Args:
        resolver: of an ablation; its seeds are the first ones.
        race: when an arm needs no more.
        device: of the fingerprints, `cpu` or `cuda`.
        num_workers: of each trial.
    """

    def __init__(
        self, resolver: Resolver, race: Race, *, device: str, num_workers: int
    ) -> None:
        race.check()
        space = resolver.space
        if not isinstance(space, Ablation):
            rule, fix = "must have an ablation, whose arms have seeds", "Leave it out."
            raise ConfigError("--until-interval", rule, "a search", fix)
        if space.arms and space.baseline is None:
            rule, fix = "must have a baseline to race against", "Name an arm as such."
            raise ConfigError("--until-interval", rule, "arms without one", fix)
        seeds = list(_seeds(space.seed_list(), race.max_seeds))
        self._race = race
        self.metric = space.metric
        self._num_first = min(max(FIRST_SEEDS, len(space.seed_list())), race.max_seeds)
        self._most_looks = race.max_seeds - self._num_first + 1
        grown = replace(resolver, space=replace(space, seeds=seeds))
        super().__init__(grown, device=device, num_workers=num_workers)
        self._begin()
        self._ask_first()

    @property
    def is_waiting(self) -> bool:
        """Whether trials that are under way decide what comes next."""
        return any(
            len(lane.values) < lane.num_asked for lane in self._lanes
        ) and not all(lane.stopped_by for lane in self._racing)

    @property
    def possible(self) -> list[Trial]:
        """All trials that it has asked for, or may yet ask for, seed by seed."""
        most = [self._most_of(lane) for lane in self._lanes]
        return [
            lane.trials[index]
            for index in range(max(most))
            for lane, num in zip(self._lanes, most, strict=True)
            if index < num
        ]

    def propose(self) -> Trial | None:
        """The next seed of an arm that is undecided; None too while all are awaited."""
        if not self._waiting:
            self._advance()
        return self._waiting.popleft() if self._waiting else None

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """Take the result into the trial's arm."""
        self._take(key, status, value)
        if not self._waiting and not self.is_waiting:
            self._advance()

    def replay(self, past: Sequence[Past]) -> None:
        """Take in what has ended; the rest is proposed again, before any arm is judged.

        So every arm has all its seeds with the epochs that the sweep has now, where it
        was given more of them.
        """
        self._begin()
        for trial in past:
            if trial.key in self._places:
                lane, index = self._places[trial.key]
                lane.num_asked = max(lane.num_asked, index + 1)
                if trial.status in ENDED:
                    self._take(trial.key, trial.status, trial.value)
        for index in range(self._race.max_seeds):
            for lane in self._lanes:
                if index < lane.num_asked and index not in lane.values:
                    self._waiting.append(lane.trials[index])
        self._ask_first()

    def report(self) -> list[str]:
        """Why each arm stopped, and how many trials that saved."""
        lines = [
            f"{lane.label}: {lane.num_values} seeds; {lane.stopped_by or 'undecided'}"
            for lane in self._racing
        ]
        if any("within" in lane.stopped_by for lane in self._racing):
            told = "Intervals that ended a race cover somewhat less than 95 %."
            lines.append(told)
        num = sum(len(lane.values) for lane in self._lanes)
        most = len(self._lanes) * self._race.max_seeds
        is_over = all(lane.stopped_by for lane in self._racing)
        lines.append(
            f"{num} trials of {most}" + f": {most - num} saved" * is_over + "."
        )
        return lines

    def _most_of(self, lane: _Lane) -> int:
        """How many trials it may yet come to."""
        if lane is self._base:
            racing = [one for one in self._racing if not one.stopped_by]
            return self._race.max_seeds if racing else lane.num_asked
        return lane.num_asked if lane.stopped_by else self._race.max_seeds

    def _take(self, key: str, status: str, value: float | None) -> None:
        lane, index = self._places[key]
        lane.values[index] = value if status in ("completed", "cached") else None

    def _begin(self) -> None:
        num_arms = len(self.arms)
        self._lanes = [
            _Lane(label, list(self.trials[place::num_arms]))
            for place, label in enumerate(self.arms)
        ]
        self._places = {
            trial.key: (lane, index)
            for lane in self._lanes
            for index, trial in enumerate(lane.trials)
        }
        named = (lane for lane in self._lanes if lane.label == self.baseline)
        self._base = next(named, self._lanes[0])
        self._racing = [lane for lane in self._lanes if lane is not self._base]
        self._waiting = deque()

    def _ask_first(self) -> None:
        """Every arm with the seeds that all have, seed by seed."""
        for index in range(self._num_first):
            for lane in self._lanes:
                if lane.num_asked <= index:
                    self._ask(lane)

    def _ask(self, lane: _Lane) -> None:
        self._waiting.append(lane.trials[lane.num_asked])
        lane.num_asked += 1

    def _advance(self) -> None:
        """Give one more seed to every arm that has ended all it had, and needs more."""
        for lane in self._racing:
            num = lane.num_asked
            if lane.stopped_by or not (
                lane.has_ended(num) and self._base.has_ended(num)
            ):
                continue
            lane.stopped_by = self._judge(lane)
            if lane.stopped_by:
                continue
            if self._base.num_asked <= num:
                self._ask(self._base)
            self._ask(lane)
        self.num_trials = len(self.possible)

    def _judge(self, lane: _Lane) -> str:
        """Why an arm needs no more seeds; empty where it does."""
        # Here and not above: pyarrow, which no other proposals need.
        from raypg.results.numerals import format_amount
        from raypg.results.statistics import CONFIDENCE, interval_reach, p_value

        if not lane.num_values:
            return "none of its first seeds gave a number"
        if not self._base.num_values:
            return f"{self.baseline} has no number to hold it against"
        pairs = [(lane.values[i], self._base.values.get(i)) for i in lane.values]
        differences = [a - b for a, b in pairs if a is not None and b is not None]
        reach = interval_reach(differences) if len(differences) > 1 else None
        p = p_value(differences) if reach is not None else None
        times = self._most_looks * len(self._racing)
        if p is not None and p * times < 1 - CONFIDENCE:
            arms = f" at {len(self._racing)} arms" * (len(self._racing) > 1)
            looks = f" after correction for {self._most_looks} looks{arms}"
            told = f"p = {p * times:.2g}{looks * (times > 1)}"
            return f"differs from {self.baseline} beyond noise ({told})"
        if reach is None and len(differences) >= FIRST_SEEDS:
            return "its difference is the same in every seed"
        told = "none" if reach is None else f"±{format_amount(reach, self.metric)}"
        if reach is not None and reach <= self._race.until_interval:
            narrow = format_amount(self._race.until_interval, self.metric)
            return f"its interval is {told}, within {narrow}"
        if lane.num_asked >= self._race.max_seeds:
            return f"the most seeds; its interval is {told}"
        return ""


def _seeds(first: Sequence[int], num: int) -> Iterator[int]:
    """The seeds of a space, then the lowest that are not among them."""
    yield from first[:num]
    number, left = 0, num - len(first)
    while left > 0:
        if number not in first:
            yield number
            left -= 1
        number += 1
