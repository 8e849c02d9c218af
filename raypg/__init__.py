"""Sweeps of PyTorch image classifiers on Ray, with tables that can be trusted."""

from raypg.errors import RaypgError
from raypg.space import (
    ASHA,
    Ablation,
    Search,
    ablation_study,
    choice,
    integer,
    log_uniform,
    uniform,
    when,
)

__all__ = [
    "ASHA",
    "Ablation",
    "RaypgError",
    "Search",
    "ablation_study",
    "choice",
    "integer",
    "log_uniform",
    "uniform",
    "when",
]
