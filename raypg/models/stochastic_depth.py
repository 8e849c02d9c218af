"""Stochastic depth (Huang et al. 2016, arXiv:1603.09382): branches left out at random.

Draws come from torch's global generator, which starts anew each epoch, as those of
dropout do.
"""

from collections.abc import Sequence

from torch import Tensor, nn


def drop_branch(fresh: Tensor, rate: float, *, is_training: bool) -> Tensor:
    """A branch without those of a share of the examples; the others' are scaled up.

    Args:
        fresh: of the branch, the examples along its first axis.
        rate: the chance of an example to lose it, in [0, 1).
        is_training: evaluation leaves it as it is.
    """
    if not is_training or rate == 0:
        return fresh
    shape = (len(fresh), *[1] * (fresh.ndim - 1))
    kept = fresh.new_empty(shape).bernoulli_(1 - rate)
    return fresh * kept.div_(1 - rate)


def spread_rates(units: Sequence[nn.Module], last: float) -> None:
    """Give each unit its `drop_rate`: even steps up to that of the last one."""
    for place, unit in enumerate(units, 1):
        # setattr: mypy takes an attribute of a module for a tensor or a module.
        setattr(unit, "drop_rate", last * place / len(units))  # noqa: B010
