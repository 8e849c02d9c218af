"""What a search space file says: `Ablation` or `Search`, as plain data.

Constructors check shapes and ranges; whether the names and values fit the config is
checked by `raypg.experiment`, as a space knows no config.
"""

from raypg.space.ablation import Ablation
from raypg.space.checks import METRICS
from raypg.space.designs import Arm, build_arms, label_values
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
from raypg.space.scheduler import ASHA
from raypg.space.search import Search
from raypg.space.study import AblationStudy, ablation_study
