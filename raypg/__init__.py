"""Sweeps of PyTorch image classifiers on Ray, with tables that can be trusted.

Importing it loads no ray, pyarrow, duckdb, wandb or torch; what needs one of them is
loaded when it is first named.
"""

from typing import TYPE_CHECKING

from raypg.errors import RaypgError
from raypg.later import load_later
from raypg.space import (
    ASHA,
    PB2,
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
    "PB2",
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

__getattr__ = load_later(
    __name__,
    {
        "Config": "raypg.config",
        "load_space": "raypg.experiment",
        "open_results": "raypg.results",
        "open_store": "raypg.results",
    },
)
