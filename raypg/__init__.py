"""Sweeps of PyTorch image classifiers on Ray, with tables that can be trusted.

Importing it loads no ray, pyarrow, duckdb, wandb or torch; what needs one of them is
loaded when it is first named.
"""

import importlib
from typing import TYPE_CHECKING

from raypg.errors import RaypgError
from raypg.space import (
    ASHA,
    PBT,
    Ablation,
    Hyperband,
    MedianStopping,
    Search,
    ablation_study,
    choice,
    integer,
    log_uniform,
    uniform,
    when,
)

if TYPE_CHECKING:
    from raypg.config import Config
    from raypg.experiment import load_space
    from raypg.results import open_results, open_store

__all__ = [
    "ASHA",
    "Ablation",
    "Config",
    "Hyperband",
    "MedianStopping",
    "PBT",
    "RaypgError",
    "Search",
    "ablation_study",
    "choice",
    "integer",
    "load_space",
    "log_uniform",
    "open_results",
    "open_store",
    "uniform",
    "when",
]

_HEAVY = {
    "Config": "raypg.config",
    "load_space": "raypg.experiment",
    "open_results": "raypg.results",
    "open_store": "raypg.results",
}


def __getattr__(name: str) -> object:
    if name not in _HEAVY:
        raise AttributeError(f"module 'raypg' has no attribute {name!r}")
    return getattr(importlib.import_module(_HEAVY[name]), name)
