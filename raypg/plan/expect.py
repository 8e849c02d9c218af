"""Which trials a sweep would train, as far as that is known before it starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from raypg.config import Config, Layer
from raypg.experiment import (
    AblationProposals,
    AnyProposals,
    RacingProposals,
    SearchProposals,
    SpaceFile,
    Trial,
    build_proposals,
    look_ahead,
)
from raypg.plan.spans import Span, exactly
from raypg.space import ASHA, PBT, Hyperband, MedianStopping, Scheduler, Search

Memo = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Expected:
    """The trials of a sweep.

    Attributes:
        num_trials: of the whole sweep, at most.
        num_cached: those that the store holds; at least so many where not exact.
        is_exact: whether `num_cached` and `todo` are known, and no estimate.
        todo: the configs to train. Where a search learns from its results, they are
            drawn at random instead.
        corners: configs at the ends of what the sweep can ask for.
        perhaps: configs that are trained, too, where the results of others ask for
            them, as those of a race do.
        num_perhaps: as many of `num_trials` there may not be: these, and others of
            their kind that the store holds.
        is_even: whether all arms have the same number of seeds, at least and at most.
    """

    num_trials: int
    num_cached: int
    is_exact: bool
    todo: Sequence[Config]
    corners: Sequence[Config]
    perhaps: Sequence[Config] = ()
    num_perhaps: int = 0
    is_even: bool = True

    @property
    def most(self) -> list[Config]:
        """All that may be trained."""
        return [*self.todo, *self.perhaps]


def expect_trials(
    space_file: SpaceFile,
    layers: Sequence[Layer],
    proposals: AblationProposals | SearchProposals,
    memo: Memo,
) -> Expected:
    """Look ahead at what the proposals will hand out; it uses them up.

    Args:
        space_file: the space.
        layers: beside the space.
        proposals: of the space under these layers, fresh.
        memo: the rows of completed trials in the store, by fingerprint.
    """
    if isinstance(proposals, RacingProposals):
        return _expect_race(proposals, memo)
    if isinstance(proposals, AblationProposals):
        trials = list(proposals.trials)
        todo = [trial.config for trial in trials if trial.key not in memo]
        return Expected(len(trials), len(trials) - len(todo), True, todo, todo)
    corners = [trial.config for trial in proposals.corners()]
    space = space_file.space
    assert isinstance(space, Search)
    if space.sampler == "random" or isinstance(space.scheduler, PBT):
        ahead = list(_all(proposals))
        todo = [trial.config for trial in ahead if trial.key not in memo]
        return Expected(len(ahead), len(ahead) - len(todo), True, todo, corners)
    ahead = look_ahead(proposals, memo, space.metric) if memo else []
    # What follows the first one to be trained depends on what that one gives.
    num_cached = sum(trial.key in memo for trial in ahead)
    drawn = _random_draws(space_file, space, layers, proposals)
    num_trials = max(len(drawn), num_cached)
    is_exact = num_cached == num_trials or not memo
    return Expected(num_trials, num_cached, is_exact, drawn[num_cached:], corners)


def epochs_of(config: Config, rule: Scheduler | None, num_trials: int) -> Span:
    """How many epochs a trial may take: at its best, and at most.

    Under early stopping the best is the mean over trials when as many are stopped, as
    early as its rule may. Hyperband's mean is known: no result changes it.
    """
    most = config.train.epochs
    if isinstance(rule, ASHA):
        return Span(_mean_epochs(rule, num_trials), most)
    if isinstance(rule, Hyperband):
        return exactly(_bracket_epochs(rule, num_trials))
    if isinstance(rule, MedianStopping):
        spared = min(num_trials, rule.min_trials + 1)
        stopped = (num_trials - spared) * min(rule.grace_epochs, most)
        return Span((spared * most + stopped) / num_trials, most)
    if config.train.early_stopping:
        return Span(min(config.train.early_stopping + 1, most), most)
    return exactly(most)


def _mean_epochs(asha: ASHA, num_trials: int) -> float:
    done, epochs, share = 0, 0.0, 1.0
    for rung in [*asha.rungs(), asha.max_epochs]:
        epochs += share * (rung - done)
        done = rung
        share = max(share / asha.reduction_factor, 1 / num_trials)
    return epochs


def _bracket_epochs(rule: Hyperband, num_trials: int) -> float:
    """The mean over the trials of all brackets, the last of which may be cut short."""
    epochs, left = 0, num_trials
    for size, rungs in cycle(rule.brackets()):
        begun = min(size, left)
        done, alive = 0, begun
        for place, rung in enumerate([*rungs, rule.max_epochs], start=1):
            epochs += alive * (rung - done)
            done, alive = rung, max(1, begun // rule.reduction_factor**place)
        left -= begun
        if not left:
            return epochs / num_trials
    raise AssertionError("brackets come again for ever")


def _all(proposals: AnyProposals) -> Iterator[Trial]:
    while (trial := proposals.propose()) is not None:
        yield trial


def _expect_race(proposals: RacingProposals, memo: Memo) -> Expected:
    """A race as far as the store decides it; all else is asked for, or it is not."""
    todo, num_hits = list[Trial](), 0
    while ahead := look_ahead(proposals, memo, proposals.metric):
        misses = [trial for trial in ahead if trial.key not in memo]
        num_hits += len(ahead) - len(misses)
        todo += misses
    possible = proposals.possible
    certain = {trial.key for trial in todo}
    new = [trial for trial in possible if trial.key not in memo]
    perhaps = [trial.config for trial in new if trial.key not in certain]
    configs = [trial.config for trial in todo]
    return Expected(
        num_trials=len(possible),
        num_cached=num_hits,
        is_exact=num_hits == len(possible) - len(new),
        todo=configs,
        corners=[*configs, *perhaps],
        perhaps=perhaps,
        num_perhaps=len(possible) - num_hits - len(todo),
        is_even=not num_hits,  # else the store may have decided some arms
    )


def _random_draws(
    space_file: SpaceFile,
    space: Search,
    layers: Sequence[Layer],
    proposals: SearchProposals,
) -> list[Config]:
    at_random = replace(space_file, space=replace(space, sampler="random"))
    example = next(proposals.corners()).fingerprint
    device, num_workers = example.device, example.num_workers
    drawn = build_proposals(at_random, layers, device=device, num_workers=num_workers)
    return [trial.config for trial in _all(drawn)]
