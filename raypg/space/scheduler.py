"""What stops the poor trials of a search early."""

from collections.abc import Iterator
from dataclasses import dataclass

from raypg.errors import SpaceError
from raypg.space.checks import number_faults


@dataclass(frozen=True, slots=True)
class ASHA:
    """Asynchronous successive halving (Li et al. 2020), Ray's stopping variant.

    At `grace_epochs`, and at each power of `reduction_factor` times it, a trial goes on
    only if it is in the best 1/`reduction_factor` of those that have come that far.
    """

    max_epochs: int
    """What `train.epochs` is: a trial that gets here is completed."""
    grace_epochs: int = 1
    """No trial is stopped before."""
    reduction_factor: int = 3

    def rungs(self) -> list[int]:
        """The epochs at which trials may be stopped, the first one first."""
        rungs, rung = [], self.grace_epochs
        while rung < self.max_epochs:
            rungs.append(rung)
            rung *= self.reduction_factor
        return rungs


def scheduler_faults(scheduler: object) -> Iterator[SpaceError]:
    """What is wrong with a scheduler."""
    if not isinstance(scheduler, ASHA):
        fix = "Write scheduler=ASHA(max_epochs=27)."
        found = f"{scheduler!r:.60}"
        yield SpaceError("scheduler", "must be ASHA(…) or None", found, fix)
        return
    faults = [
        *number_faults("scheduler.max_epochs", scheduler.max_epochs, 1),
        *number_faults("scheduler.grace_epochs", scheduler.grace_epochs, 1),
        *number_faults("scheduler.reduction_factor", scheduler.reduction_factor, 2),
    ]
    yield from faults
    if not faults and scheduler.grace_epochs > scheduler.max_epochs:
        found = f"{scheduler.grace_epochs} and {scheduler.max_epochs}"
        rule = "must be at most scheduler.max_epochs"
        yield SpaceError("scheduler.grace_epochs", rule, found, "Lower it.")
