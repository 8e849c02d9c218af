"""Population based training (Jaderberg et al. 2017): who copies whom, and what changes.

Members wait for each other, so that what is decided follows from the seed and their
results alone, whoever is faster: the same sweep gives the same rows on any cluster, and
after any interruption.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from raypg.experiment.bandit import Bandit, Gain
from raypg.experiment.draws import draw_one
from raypg.experiment.judging import Move, Seen, as_stored
from raypg.space import PB2, PBT, Choice, Distribution, Integer, Search, Value

FACTORS = (0.8, 1.2)
"""What a value is multiplied by, as in the paper."""


@dataclass
class _Member:
    key: str
    number: int
    values: Mapping[str, Value]
    scores: dict[int, float] = field(default_factory=dict)
    """By round, the higher the better."""
    curve: dict[int, float] = field(default_factory=dict)
    """The same by epoch."""
    is_gone: bool = False
    rows: dict[int, Mapping[str, Value]] = field(default_factory=dict)
    """By epoch, its values."""
    resumed: int = -1
    """The epoch that it is to go on from, where an earlier session began it."""
    donor: str = ""
    """Whom it has copied after its last epoch."""


class Population:
    """The members of a search under `PBT`; see `raypg.experiment.judging.Judge`.

    A member that fails leaves, and nobody takes its place.
    """

    def __init__(self, search: Search, num_members: int) -> None:
        assert isinstance(search.scheduler, PBT)
        self._search, self._rule = search, search.scheduler
        self._sign = 1.0 if search.mode == "max" else -1.0
        self._num_members = num_members
        self._rounds = self._rule.rounds()
        self._members: dict[str, _Member] = {}
        self._decided = 0
        """The last round that is over."""

    def replay(
        self,
        key: str,
        values: Mapping[str, Value],
        seen: Sequence[Seen],
        resumed: int | None,
    ) -> None:
        """Take in what a member did; nobody goes beyond a round that is not over."""
        member = self._add(key, values)
        member.is_gone = resumed is None
        member.resumed = -1 if resumed is None else resumed
        for one in seen:
            member.rows[one.epoch] = one.values or values
            member.curve[one.epoch] = self._sign * as_stored(one.value)
            if one.epoch in self._rounds and (resumed is None or one.epoch <= resumed):
                member.scores[one.epoch] = member.curve[one.epoch]
        last = max(member.rows, default=0)
        over = [one for one in self._rounds if one < last]
        self._decided = max([self._decided, *over])

    def enter(self, key: str, values: Mapping[str, Value]) -> bool:
        """A member begins, or is gone on with."""
        if key not in self._members:
            self._add(key, values)
            return False
        member = self._members[key]
        if member.resumed >= 0:
            self._resume(member)
        return self._next_round in member.scores

    def report(self, key: str, epoch: int, value: float) -> bool:
        """An epoch of a member; it waits at the end of a round that is not over."""
        member = self._members[key]
        member.donor = ""
        member.rows[epoch] = member.values
        member.curve[epoch] = self._sign * as_stored(value)
        if epoch not in self._rounds or epoch <= self._decided:
            return False
        member.scores[epoch] = member.curve[epoch]
        return True

    def leave(self, key: str) -> None:
        """A member has ended."""
        self._members[key].is_gone = True

    def close(self) -> None:
        """The population is whole."""
        self._num_members = len(self._members)

    def moves(self) -> Sequence[Move]:
        """What a round gives, once all are there: whoever copies comes first."""
        alive = [one for one in self._members.values() if not one.is_gone]
        epoch = self._next_round
        if len(self._members) < self._num_members or not alive:
            return []
        if not epoch or any(epoch not in one.scores for one in alive):
            return []
        self._decided = epoch
        values = {one.key: one.values for one in self._members.values()}
        copying = self._copy(epoch, values)
        for key, move in copying.items():
            self._members[key].values = move.values
            self._members[key].donor = move.donor
        others = [Move(one.key, epoch) for one in alive if one.key not in copying]
        takers = [move for key, move in copying.items() if self._is_alive(key)]
        return [*takers, *others]

    def state(self, key: str) -> Move:
        """What a member's axes are, and whom it has just copied."""
        member = self._members[key]
        return Move(key, donor=member.donor, values=member.values)

    @property
    def _next_round(self) -> int:
        """The round that everybody is in; 0 after the last one."""
        return next((one for one in self._rounds if one > self._decided), 0)

    def _is_alive(self, key: str) -> bool:
        return not self._members[key].is_gone

    def _add(self, key: str, values: Mapping[str, Value]) -> _Member:
        member = _Member(key, len(self._members), dict(values))
        self._members[key] = member
        return member

    def _ranked(self, epoch: int) -> list[_Member]:
        """Who was there, the worst first; of equal ones the earlier is the better."""
        there = [one for one in self._members.values() if epoch in one.scores]
        return sorted(there, key=lambda one: (one.scores[epoch], -one.number))

    def _copy(
        self, epoch: int, values: Mapping[str, Mapping[str, Value]]
    ) -> dict[str, Move]:
        """Who copies whom after a round, by the one that does.

        Args:
            epoch: the round.
            values: what each member's axes were in it.
        """
        found: dict[str, Move] = {}
        pairs = self._pairs(epoch)
        learns = isinstance(self._rule, PB2) and pairs
        bandit = Bandit(self._search, self._gains(epoch), epoch + 1) if learns else None
        for one, donor, rng in pairs:
            changed = explore(self._search, values[donor.key], rng)
            if bandit:
                before = donor.scores[epoch]
                changed |= bandit.choose(before, values[donor.key], rng) or {}
            found[one.key] = Move(one.key, epoch, donor=donor.key, values=changed)
        return found

    def _pairs(self, epoch: int) -> list[tuple[_Member, _Member, random.Random]]:
        """Who copies after a round, whom, and what draws the rest; the worst first."""
        ranked = self._ranked(epoch)
        num = min(math.ceil(len(ranked) * self._rule.quantile), len(ranked) // 2)
        found = []
        for one in ranked[:num]:
            rng = random.Random(f"{self._search.seed}/{epoch}/{one.number}")
            found.append((one, rng.choice(ranked[-num:]), rng))
        return found

    def _gains(self, until: int) -> list[Gain]:
        """What each epoch gave, but for the first one, which begins with no score."""
        found = []
        for epoch in range(2, until + 1):
            sources = {one.key: donor for one, donor, _ in self._pairs(epoch - 1)}
            for one in self._members.values():
                source = sources.get(one.key, one)
                if epoch in one.curve and epoch - 1 in source.curve:
                    before = source.curve[epoch - 1]
                    gain = one.curve[epoch] - before
                    found.append(Gain(epoch, before, one.rows[epoch], gain))
        return found

    def _resume(self, member: _Member) -> None:
        """Let a member go on with what the tables have, or with what was decided."""
        epoch, member.resumed = member.resumed, -1
        member.values = member.rows.get(epoch, member.values)
        if epoch in self._rounds and epoch <= self._decided:
            there = self._ranked(epoch)
            values = {one.key: one.rows.get(epoch, one.values) for one in there}
            if move := self._copy(epoch, values).get(member.key):
                member.values, member.donor = move.values, move.donor
        member.values = member.rows.get(epoch + 1, member.values)


def explore(
    search: Search, values: Mapping[str, Value], rng: random.Random
) -> dict[str, Value]:
    """Values near these, or some drawn anew.

    Args:
        search: whose axes they are; under `PBT`.
        values: of all its axes.
        rng: decides.
    """
    assert isinstance(search.scheduler, PBT)
    found: dict[str, Value] = {}
    for axis, value in values.items():
        distribution = search.distribution(axis)
        if rng.random() < search.scheduler.resample_probability:
            found[axis] = draw_one(distribution, rng)
        else:
            found[axis] = _perturb(distribution, value, rng.choice(FACTORS))
    return found


def _perturb(distribution: Distribution, value: Value, factor: float) -> Value:
    """A number times the factor, within its range; options have no order."""
    if isinstance(distribution, Choice):
        return value
    assert isinstance(value, int | float)
    low, high = distribution.ends()
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if not isinstance(distribution, Integer):
        return min(max(value * factor, low), high)
    step = distribution.step
    # A small number would be rounded to where it was.
    away = max(1, round(abs(value * factor - value) / step)) * step
    return min(max(value + (away if factor > 1 else -away), low), high)
