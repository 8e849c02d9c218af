"""Halving where trials wait: Hyperband's brackets, and promotion one by one."""

import random
from typing import Literal

import pytest

from raypg import ASHA, Hyperband, Search, uniform
from raypg.experiment import Judge, Move, Seen, build_judge

AXES = {"optimizer.lr": uniform(0, 1)}


def search(
    scheduler: ASHA | Hyperband, trials: int, mode: Literal["max", "min"] = "max"
) -> Search:
    metric = "val.accuracy" if mode == "max" else "val.loss"
    return Search(
        axes=AXES, trials=trials, scheduler=scheduler, metric=metric, mode=mode
    )


def judge_of(space: Search) -> Judge:
    judge = build_judge(space, space.trials)
    assert judge is not None
    return judge


def level(key: str) -> float:
    return random.Random(key).random()


class Workers:
    """A sweep in this process on a few workers, epoch by epoch."""

    def __init__(self, space: Search, slots: int) -> None:
        assert isinstance(space.scheduler, ASHA | Hyperband)
        self.judge, self.slots = judge_of(space), slots
        self.most, self.sign = space.scheduler.max_epochs, 1
        self.new = [f"t{number}" for number in range(space.trials)]
        self.epochs: dict[str, int] = {}
        self.running: list[str] = []
        self.stopped: set[str] = set()
        self.known: set[str] = set()
        self.moves: list[Move] = []
        self.is_closed = False

    def run(self, num_steps: int = 2000) -> "Workers":
        for _ in range(num_steps):
            self._fill()
            if not self.running:
                break
            self._step(self.running.pop(0))
        return self

    def _fill(self) -> None:
        while len(self.running) < self.slots:
            if self._carry_out():
                continue
            if self.new:
                key = self.new.pop(0)
                waits = self.judge.enter(key, {})
                self.epochs.setdefault(key, 0)
                self.known.add(key)
                is_due = any(move.key == key for move in self.moves)
                self.running += [] if waits or is_due else [key]
            elif self.is_closed:
                return
            else:
                self.judge.close()
                self.is_closed = True

    def _carry_out(self) -> bool:
        """Whether there was a move; after a resume trials come one by one."""
        if not self.moves:
            self.moves += self.judge.moves()
        if not self.moves or self.moves[0].key not in self.known:
            return False
        move = self.moves.pop(0)
        if move.goes_on:
            self.running.append(move.key)
        else:
            self.stopped.add(move.key)
        return True

    def _step(self, key: str) -> None:
        self.epochs[key] += 1
        if self.epochs[key] == self.most:
            self.judge.leave(key)
        elif not self.judge.report(key, self.epochs[key], level(key)):
            self.running.append(key)


def test_brackets_are_those_of_the_paper() -> None:
    assert Hyperband(81).brackets() == [
        (81, [1, 3, 9, 27]),
        (34, [3, 9, 27]),
        (15, [9, 27]),
        (8, [27]),
        (5, []),
    ]
    assert Hyperband(243).brackets()[0][0] == 243
    assert Hyperband(1).brackets() == [(1, [])]


@pytest.mark.parametrize("slots", [1, 3, 50])
def test_hyperband_trains_as_many_epochs_as_it_says(slots: int) -> None:
    rule = Hyperband(9)
    done = Workers(search(rule, 9 + 5 + 3), slots).run()
    first = sorted((done.epochs[f"t{number}"] for number in range(9)), reverse=True)
    assert first == [9, 3, 3, 1, 1, 1, 1, 1, 1]
    best = max((f"t{number}" for number in range(9)), key=level)
    assert done.epochs[best] == 9
    assert sorted(done.epochs[f"t{number}"] for number in range(9, 14)) == [3] * 4 + [9]
    assert [done.epochs[f"t{number}"] for number in range(14, 17)] == [9, 9, 9]
    assert len(done.stopped) == 8 + 4


def test_a_last_bracket_that_is_not_filled_ends_all_the_same() -> None:
    done = Workers(search(Hyperband(9), 4), 2).run()
    assert sorted(done.epochs.values()) == [1, 1, 1, 9]
    assert len(done.stopped) == 3


@pytest.mark.parametrize("slots", [1, 4])
def test_promotion_takes_the_best_third_of_each_rung_and_nobody_twice(
    slots: int,
) -> None:
    done = Workers(search(ASHA(27, 1, 3, promotion=True), 81), slots).run()
    counts = [sum(epochs >= rung for epochs in done.epochs.values()) for rung in (1, 3)]
    assert counts[0] == 81
    # Too early a promotion cannot be taken back.
    assert 27 <= counts[1] <= 40
    best = max(done.epochs, key=level)
    assert done.epochs[best] == 27
    ended = {key for key, epochs in done.epochs.items() if epochs == 27}
    assert done.stopped == {*done.epochs} - ended


def test_one_worker_serves_many_trials_by_promotion() -> None:
    """The stopping kind cannot come back to a trial; here the first third waits."""
    done = Workers(search(ASHA(9, 1, 3, promotion=True), 9), 1).run(12)
    assert sum(epochs > 1 for epochs in done.epochs.values()) >= 1
    assert sum(epochs == 1 for epochs in done.epochs.values()) >= 2


@pytest.mark.parametrize(
    "rule", [Hyperband(9), ASHA(9, 1, 3, promotion=True)], ids=["brackets", "promotion"]
)
@pytest.mark.parametrize("steps", [0, 1, 5, 9, 10, 14, 20])
def test_a_resume_goes_on_as_if_nothing_had_been(
    rule: ASHA | Hyperband, steps: int
) -> None:
    space = search(rule, 14)
    calm = Workers(space, 1).run()
    cut = Workers(space, 1).run(steps)
    resumed = Workers(space, 1)
    for key, epochs in cut.epochs.items():
        seen = [Seen(epoch, level(key)) for epoch in range(1, epochs + 1)]
        is_over = key in cut.stopped or epochs == 9
        resumed.judge.replay(key, {}, seen, None if is_over else epochs)
        resumed.epochs[key] = epochs
    over = cut.stopped | {key for key, epochs in cut.epochs.items() if epochs == 9}
    resumed.stopped = set(cut.stopped)
    resumed.new = [key for key in cut.epochs if key not in over] + resumed.new[
        len(cut.epochs) :
    ]
    resumed.run()
    assert resumed.epochs == calm.epochs
    assert resumed.stopped == calm.stopped


def test_the_lower_is_the_better_where_it_is_a_loss() -> None:
    done = Workers(search(Hyperband(3), 3, "min"), 1).run()
    assert done.epochs[min(done.epochs, key=level)] == 3


def test_a_trial_that_failed_is_not_waited_for() -> None:
    judge = judge_of(search(Hyperband(3), 3))
    for key in ("a", "b", "c"):
        judge.enter(key, {})
    assert judge.report("a", 1, 0.5)
    assert judge.report("b", 1, 0.7)
    assert judge.moves() == []
    judge.leave("c")
    assert [(one.key, one.goes_on) for one in judge.moves()] == [
        ("b", True),
        ("a", False),
    ]
