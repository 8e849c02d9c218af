"""The judge of a search, where its scheduler lets trials wait."""

from raypg.experiment.halving import Brackets, Promotion
from raypg.experiment.judging import Judge
from raypg.experiment.population import Population
from raypg.space import ASHA, PBT, Hyperband, Search, Space


def build_judge(space: Space, num_trials: int) -> Judge | None:
    """Who decides which trials go on; None where none of them waits.

    Args:
        space: of the sweep.
        num_trials: that it proposes.
    """
    rule = space.scheduler if isinstance(space, Search) else None
    if not isinstance(space, Search) or rule is None:
        return None
    if isinstance(rule, PBT):
        return Population(space, num_trials)
    if isinstance(rule, Hyperband):
        return Brackets(space)
    if isinstance(rule, ASHA) and rule.promotion:
        return Promotion(space)
    return None
