"""What ends the poor trials of a search early, or lets them go on from better ones."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, TypeAlias

from raypg.errors import SpaceError
from raypg.faults import quote_value
from raypg.space.checks import number_faults

_EXAMPLE = "Write scheduler=ASHA(max_epochs=27)."


@dataclass(frozen=True, slots=True)
class ASHA:
    """Asynchronous successive halving (Li et al. 2020).

    At `grace_epochs`, and at each power of `reduction_factor` times it, a trial goes on
    only if it is in the best 1/`reduction_factor` of those that have come that far.
    Ray's variant decides that once and stops the others. With `promotion` it is the
    paper's: the others wait, give up their worker, and go on where they come to be
    among the best.
    """

    max_epochs: int
    """What `train.epochs` is: a trial that gets here is completed."""
    grace_epochs: int = 1
    """No trial is stopped before."""
    reduction_factor: int = 3
    promotion: bool = False
    LEAST: ClassVar = {"max_epochs": 1, "grace_epochs": 1, "reduction_factor": 2}

    def rungs(self) -> list[int]:
        """The epochs at which trials may be stopped, the first one first."""
        rungs, rung = [], self.grace_epochs
        while rung < self.max_epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        return rungs


@dataclass(frozen=True, slots=True)
class Hyperband:
    """Synchronous Hyperband (Li et al. 2017): successive halving in several brackets.

    The first bracket starts many trials and halves them early, the last one trains few
    to their end; then the first comes again. A bracket's trials wait for each other at
    each of its rungs, where the best 1/`reduction_factor` go on.
    """

    max_epochs: int
    """What `train.epochs` is: a trial that gets here is completed."""
    reduction_factor: int = 3
    LEAST: ClassVar = {"max_epochs": 1, "reduction_factor": 2}

    def brackets(self) -> list[tuple[int, list[int]]]:
        """Of each bracket how many trials it starts, and its rungs; of one round."""
        most, eta = self.max_epochs, self.reduction_factor
        # Not math.log: log(243) / log(3) is below 5.
        deepest = 0
        while eta ** (deepest + 1) <= most:
            deepest += 1
        found = []
        for depth in range(deepest, -1, -1):
            num = -(-(deepest + 1) * eta**depth // (depth + 1))
            rungs = [most // eta**left for left in range(depth, 0, -1)]
            found.append((num, rungs))
        return found


@dataclass(frozen=True, slots=True)
class MedianStopping:
    """The median rule (Golovin et al. 2017), Ray's.

    After each epoch from `grace_epochs` on, a trial is stopped whose best value so far
    is worse than the median of the others' means up to that epoch.
    """

    max_epochs: int
    """What `train.epochs` is: a trial that gets here is completed."""
    grace_epochs: int = 1
    """No trial is stopped before."""
    min_trials: int = 3
    """Nor one that can be held against fewer others."""
    LEAST: ClassVar = {"max_epochs": 1, "grace_epochs": 1, "min_trials": 1}


@dataclass(frozen=True, slots=True)
class PBT:
    """Population based training (Jaderberg et al. 2017); the trials are the population.

    Every `perturb_every` epochs all members wait for each other. The worst `quantile`
    of them then go on from the weights of members of the best one, with their values of
    the axes changed: each is drawn anew with `resample_probability`, or else multiplied
    by 0.8 or by 1.2 within its range.
    """

    max_epochs: int
    """What `train.epochs` is."""
    perturb_every: int = 1
    quantile: float = 0.25
    """At most a half: who is copied is not copied over."""
    resample_probability: float = 0.25
    LEAST: ClassVar = {"max_epochs": 1, "perturb_every": 1}

    def rounds(self) -> list[int]:
        """The epochs at which members are compared; not the last one."""
        return list(range(self.perturb_every, self.max_epochs, self.perturb_every))


@dataclass(frozen=True, slots=True)
class PB2(PBT):
    """Population based bandits (Parker-Holder et al. 2020): PBT that learns what helps.

    Who copies does not multiply its donor's numbers by chance: a Gaussian process over
    all epochs of all members says which values may gain the most. Options, and all
    values before anything was gained, are changed as under `PBT`.
    """


Scheduler: TypeAlias = ASHA | Hyperband | MedianStopping | PBT
"""What the trials of a search may be under."""


def scheduler_faults(scheduler: object, num_trials: object) -> Iterator[SpaceError]:
    """What is wrong with a scheduler.

    Args:
        scheduler: of a search.
        num_trials: of the same.
    """
    if not isinstance(scheduler, Scheduler):
        kinds = "ASHA(…), Hyperband(…), MedianStopping(…), PBT(…), PB2(…)"
        rule = f"must be {kinds} or None"
        yield SpaceError("scheduler", rule, f"{scheduler!r:.60}", _EXAMPLE)
        return
    faults = [
        fault
        for name, least in scheduler.LEAST.items()
        for fault in number_faults(f"scheduler.{name}", getattr(scheduler, name), least)
    ]
    yield from faults
    if not faults:
        yield from _epochs_faults(scheduler)
    promotion: object = getattr(scheduler, "promotion", False)
    if not isinstance(promotion, bool):
        rule, fix = "must be True or False", "Change it."
        yield SpaceError("scheduler.promotion", rule, quote_value(promotion), fix)
    if isinstance(scheduler, PBT):
        yield from _share_faults("quantile", scheduler.quantile, 0.5)
        yield from _share_faults(
            "resample_probability", scheduler.resample_probability, 1.0
        )
        if num_trials == 1:
            rule, fix = (
                f"must be at least 2 under {type(scheduler).__name__}",
                "Raise it: 8 to 40 are usual.",
            )
            yield SpaceError("trials", rule, "1", fix)


def _epochs_faults(scheduler: Scheduler) -> Iterator[SpaceError]:
    """Epochs that lie beyond the last one."""
    for field in fields(scheduler):
        if field.name not in ("grace_epochs", "perturb_every"):
            continue
        value = getattr(scheduler, field.name)
        if value > scheduler.max_epochs:
            found = f"{value} and {scheduler.max_epochs}"
            rule = "must be at most scheduler.max_epochs"
            yield SpaceError(f"scheduler.{field.name}", rule, found, "Lower it.")


def _share_faults(name: str, value: object, most: float) -> Iterator[SpaceError]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value <= most:
            return
    rule = f"must be a number from 0 to {most:g}"
    yield SpaceError(f"scheduler.{name}", rule, quote_value(value), "Change it.")
