"""Which trials a sweep would train, as far as that is known before it starts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
)
from raypg.plan.spans import Span, exactly
from raypg.space import ASHA, Search

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
    """

    num_trials: int
    num_cached: int
    is_exact: bool
    todo: Sequence[Config]
    corners: Sequence[Config]


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
    if isinstance(proposals, AblationProposals):
        trials = list(proposals.trials)
        todo = [trial.config for trial in trials if trial.key not in memo]
        is_exact = not isinstance(proposals, RacingProposals)
        return Expected(len(trials), len(trials) - len(todo), is_exact, todo, todo)
    corners = [trial.config for trial in proposals.corners()]
    space = space_file.space
    assert isinstance(space, Search)
    if space.sampler == "random":
        ahead = list(_all(proposals))
        todo = [trial.config for trial in ahead if trial.key not in memo]
        return Expected(len(ahead), len(ahead) - len(todo), True, todo, corners)
    num_cached = sum(1 for _ in _leading_hits(proposals, memo)) if memo else 0
    drawn = _random_draws(space_file, space, layers, proposals)
    num_trials = max(len(drawn), num_cached)
    is_exact = num_cached == num_trials or not memo
    return Expected(num_trials, num_cached, is_exact, drawn[num_cached:], corners)


def epochs_of(config: Config, asha: ASHA | None, num_trials: int) -> Span:
    """How many epochs a trial may take: at its best, and at most.

    Under ASHA the best is the mean over trials when each rung lets through no more
    than its share.
    """
    most = config.train.epochs
    if asha is not None:
        return Span(_mean_epochs(asha, num_trials), most)
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


def _all(proposals: AnyProposals) -> Iterator[Trial]:
    while (trial := proposals.propose()) is not None:
        yield trial


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


def _leading_hits(proposals: SearchProposals, memo: Memo) -> Iterator[Trial]:
    """The draws before the first that is to be trained: what follows depends on it."""
    for trial in _all(proposals):
        if trial.key not in memo:
            return
        metric = trial.config.train.metric
        proposals.finish(trial.key, "cached", memo[trial.key].get(metric))
        yield trial
