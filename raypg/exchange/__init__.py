"""Sweeps in the formats of other tools: written on demand."""

from collections.abc import Callable
from pathlib import Path

from raypg.exchange.export_optuna import export_optuna
from raypg.exchange.export_tensorboard import export_tensorboard
from raypg.exchange.export_tune import export_tune
from raypg.exchange.export_wandb import export_wandb
from raypg.exchange.rows import SweepRows, read_sweep

EXPORTS: dict[str, Callable[[SweepRows, Path], str]] = {
    "tensorboard": export_tensorboard,
    "wandb": export_wandb,
    "optuna": export_optuna,
    "tune": export_tune,
}
"""Writes a sweep to a path; returns a line that says what reads it."""
