"""What a search space file says: an `Ablation`, a `Search` or a `Path`, as plain data.

Constructors check shapes and ranges; whether the names and values fit the config is
checked by `raypg.experiment`, as a space knows no config.
"""

from typing import TypeAlias

from raypg.space.ablation import Ablation
from raypg.space.checks import METRICS
from raypg.space.chosen import choose_arms
from raypg.space.designs import Arm, build_arms, label_values, varies_by_trial
from raypg.space.distributions import (
    Choice,
    Distribution,
    Integer,
    Uniform,
    Value,
    When,
    choice,
    integer,
    is_same,
    log_uniform,
    uniform,
    when,
)
from raypg.space.path import Path
from raypg.space.saved import from_data, to_data
from raypg.space.scheduler import (
    ASHA,
    PB2,
    PBT,
    Hyperband,
    MedianStopping,
    Scheduler,
)
from raypg.space.search import Search
from raypg.space.study import AblationStudy, ablation_study

Space: TypeAlias = Ablation | Search | Path
"""What a sweep may be about."""
