"""Successive halving where trials wait: in brackets, or until one may be promoted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from raypg.experiment.judging import Move, Seen, as_stored
from raypg.space import ASHA, Hyperband, Search, Value


@dataclass
class _Trial:
    key: str
    number: int
    scores: dict[int, float] = field(default_factory=dict)
    """By rung, the higher the better."""
    waits_at: int = 0
    """The rung at which it waits; 0: it does not."""
    promoted: int = 0
    """The highest rung that it went beyond."""
    is_gone: bool = False


class _Halving:
    """What both kinds know of their trials."""

    def __init__(self, search: Search) -> None:
        self._sign = 1.0 if search.mode == "max" else -1.0
        self._trials: dict[str, _Trial] = {}
        self._is_closed = False

    def replay(
        self,
        key: str,
        values: Mapping[str, Value],
        seen: Sequence[Seen],
        resumed: int | None,
    ) -> None:
        """Take in a trial; what went beyond a rung was let go on there."""
        trial = self._add(key)
        trial.is_gone = resumed is None
        epochs = [one for one in seen if resumed is None or one.epoch <= resumed]
        rungs = self._rungs(trial)
        for one in epochs:
            if one.epoch in rungs:
                trial.scores[one.epoch] = self._sign * as_stored(one.value)
        last = max((one.epoch for one in seen), default=0)
        trial.promoted = max((one for one in rungs if one < last), default=0)
        at = epochs[-1].epoch if epochs else 0
        if resumed is not None and at in rungs and at > trial.promoted:
            trial.waits_at = at

    def enter(self, key: str, values: Mapping[str, Value]) -> bool:
        """A trial begins, or is gone on with."""
        trial = self._trials.get(key) or self._add(key)
        return trial.waits_at > 0

    def report(self, key: str, epoch: int, value: float) -> bool:
        """An epoch of a trial; it waits at a rung that it has not been beyond."""
        trial = self._trials[key]
        if epoch not in self._rungs(trial):
            return False
        trial.scores[epoch] = self._sign * as_stored(value)
        if epoch <= trial.promoted:
            return False
        trial.waits_at = epoch
        return True

    def leave(self, key: str) -> None:
        """A trial has ended."""
        trial = self._trials[key]
        trial.is_gone, trial.waits_at = True, 0

    def close(self) -> None:
        """No further trial will begin."""
        self._is_closed = True

    def state(self, key: str) -> Move:
        """Nothing changes."""
        return Move(key)

    def _add(self, key: str) -> _Trial:
        trial = self._trials[key] = _Trial(key, len(self._trials))
        return trial

    def _rungs(self, trial: _Trial) -> Sequence[int]:
        raise NotImplementedError

    def _promote(self, trial: _Trial) -> Move:
        trial.promoted, trial.waits_at = trial.waits_at, 0
        return Move(trial.key, trial.promoted)

    def _stop(self, trial: _Trial) -> Move:
        rung, trial.is_gone, trial.waits_at = trial.waits_at, True, 0
        return Move(trial.key, rung, goes_on=False)


class Promotion(_Halving):
    """ASHA as its paper has it (Li et al. 2020, algorithm 2); a `Judge`.

    A free worker takes the best trial of the highest rung that may go on, and a new one
    only where there is none.
    """

    def __init__(self, search: Search) -> None:
        assert isinstance(search.scheduler, ASHA)
        super().__init__(search)
        self._eta = search.scheduler.reduction_factor
        self._all_rungs = search.scheduler.rungs()

    def report(self, key: str, epoch: int, value: float) -> bool:
        """An epoch of a trial; who would be taken next anyway need not wait."""
        if not super().report(key, epoch, value):
            return False
        trial = self._trials[key]
        if self._next() is not trial:
            return True
        self._promote(trial)
        return False

    def moves(self) -> Sequence[Move]:
        """The next to be promoted; at the end, whoever waits is stopped."""
        if (trial := self._next()) is not None:
            return [self._promote(trial)]
        alive = [one for one in self._trials.values() if not one.is_gone]
        if self._is_closed and all(one.waits_at for one in alive):
            return [self._stop(one) for one in alive]
        return []

    def _rungs(self, trial: _Trial) -> Sequence[int]:
        return self._all_rungs

    def _next(self) -> _Trial | None:
        for rung in reversed(self._all_rungs):
            there = [one for one in self._trials.values() if rung in one.scores]
            there.sort(key=lambda one: (-one.scores[rung], one.number))
            for one in there[: len(there) // self._eta]:
                if one.waits_at == rung:
                    return one
        return None


class Brackets(_Halving):
    """Hyperband (Li et al. 2017, algorithm 1); a `Judge`.

    Trials fill one bracket after the other, in the order in which they are drawn.
    """

    def __init__(self, search: Search) -> None:
        assert isinstance(search.scheduler, Hyperband)
        super().__init__(search)
        self._eta = search.scheduler.reduction_factor
        self._kinds = search.scheduler.brackets()
        self._round = sum(num for num, _ in self._kinds)

    def moves(self) -> Sequence[Move]:
        """What becomes of a bracket's trials, once all of them are at its rung."""
        found: list[Move] = []
        for (_, kind), bracket in self._brackets().items():
            size, rungs = self._kinds[kind]
            if len(bracket) == size or self._is_closed:
                for depth, rung in enumerate(rungs, start=1):
                    kept = max(1, len(bracket) // self._eta**depth)
                    found += self._decide(bracket, rung, kept)
        return found

    def _decide(
        self, bracket: Sequence[_Trial], rung: int, num_kept: int
    ) -> Iterator[Move]:
        """Let the best go on from a rung, once all are there or some have left it."""
        waiting = [one for one in bracket if one.waits_at == rung]
        is_decided = any(one.promoted >= rung for one in bracket)
        is_awaited = any(not one.is_gone and rung not in one.scores for one in bracket)
        if not waiting or (is_awaited and not is_decided):
            return
        there = [one for one in bracket if rung in one.scores]
        there.sort(key=lambda one: (-one.scores[rung], one.number))
        yield from (self._promote(one) for one in there[:num_kept] if one in waiting)
        yield from (self._stop(one) for one in there[num_kept:] if one in waiting)

    def _rungs(self, trial: _Trial) -> Sequence[int]:
        return self._kinds[self._place(trial)[1]][1]

    def _place(self, trial: _Trial) -> tuple[int, int]:
        """The round of brackets and the bracket in it that a trial belongs to."""
        round_, left = divmod(trial.number, self._round)
        for place, (num, _) in enumerate(self._kinds):
            if left < num:
                return round_, place
            left -= num
        raise AssertionError("the brackets of a round hold its trials")

    def _brackets(self) -> dict[tuple[int, int], list[_Trial]]:
        found: dict[tuple[int, int], list[_Trial]] = {}
        for trial in self._trials.values():
            found.setdefault(self._place(trial), []).append(trial)
        return found
