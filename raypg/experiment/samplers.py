"""Optuna's samplers by the names that a space gives them, each made anew for a draw.

A sampler that is made anew and seeded by the draw gives the same values after a resume:
all that it has learnt is in the study.
"""

import random
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from raypg.errors import SpaceError
from raypg.faults import join_errors
from raypg.space import Choice, Search, When

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_NEEDS = {"cmaes": ("cmaes",), "gp": ("scipy", "torch"), "qmc": ("scipy",)}
"""Packages that Optuna does not bring along."""
REMEMBERING = ("cmaes", "nsga2")
"""Those that note in the study, as they draw, where in their course a trial stands."""
_NUM_STARTUP = 10
"""Draws at random before a model has anything to go by: Optuna's own number."""


def build_sampler(search: Search, index: int, attempt: int) -> "BaseSampler":
    """The sampler of draw `index`, for the `attempt`-th time."""
    seed = random.Random(f"{search.seed}/{index}/{attempt}").getrandbits(32)
    with warnings.catch_warnings():
        # Much of it is called experimental.
        warnings.simplefilter("ignore")
        return _BUILDERS[search.sampler](search, seed)


def check_sampler(search: Search) -> None:
    """Refuse a sampler that could not draw here.

    Raises:
        SpaceError: its package is missing, or it can make nothing of these axes.
    """
    if faults := list(_faults(search)):
        raise join_errors(faults)


def _faults(search: Search) -> Iterator[SpaceError]:
    for package in _NEEDS.get(search.sampler, ()):
        if find_spec(package) is None:
            rule = f"must have the package {package}"
            fix = f'Install it (pip install {package}), or write sampler="tpe".'
            yield SpaceError("sampler", rule, f'"{search.sampler}" without it', fix)
    if search.sampler == "cmaes":
        drawn = search.axes.values()
        num = sum(not isinstance(one, Choice | When) for one in drawn)
        if num < 2:
            rule = "must have two axes of numbers for its covariance"
            fix = 'Write sampler="tpe".'
            yield SpaceError("sampler", rule, f'"cmaes" with {num}', fix)


def _tpe(search: Search, seed: int) -> "BaseSampler":
    from optuna.samplers import TPESampler

    # Joint draws, also under conditions, and not twice the same place while trials run.
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


def build_budget_sampler(num_axes: int, seed: int) -> "BaseSampler":
    """BOHB's: the best 15 % are good, and at least one more than there are axes."""
    from optuna.samplers import TPESampler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            n_startup_trials=0,
            n_ei_candidates=64,
            gamma=lambda num: max(num_axes + 1, int(0.15 * num)),
        )


def _cmaes(search: Search, seed: int) -> "BaseSampler":
    from optuna.samplers import CmaEsSampler

    return CmaEsSampler(seed=seed, warn_independent_sampling=False)


def _gp(search: Search, seed: int) -> "BaseSampler":
    from optuna.samplers import GPSampler

    return GPSampler(seed=seed, n_startup_trials=_NUM_STARTUP)


def _nsga2(search: Search, seed: int) -> "BaseSampler":
    from optuna.samplers import NSGAIISampler

    # A generation must be whole before it is bred from: Optuna's 50 suit longer sweeps.
    size = min(50, max(2, search.trials // 4))
    return NSGAIISampler(seed=seed, population_size=size)


def _qmc(search: Search, seed: int) -> "BaseSampler":
    from optuna.samplers import QMCSampler, RandomSampler

    # One sequence for all draws; the study knows how far it has come.
    return QMCSampler(
        seed=search.seed,
        scramble=True,
        independent_sampler=RandomSampler(seed=seed),
        warn_independent_sampling=False,
        warn_asynchronous_seeding=False,
    )


_BUILDERS: dict[str, Callable[[Search, int], "BaseSampler"]] = {
    "tpe": _tpe,
    "cmaes": _cmaes,
    "gp": _gp,
    "nsga2": _nsga2,
    "qmc": _qmc,
}
