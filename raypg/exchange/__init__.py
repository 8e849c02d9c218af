"""Sweeps in the formats of other tools: written on demand, and read into the tables."""

from collections.abc import Callable
from pathlib import Path

from raypg.errors import ResultsError
from raypg.exchange.book import check_name, write_import
from raypg.exchange.export_optuna import export_optuna
from raypg.exchange.export_tensorboard import export_tensorboard
from raypg.exchange.export_tune import export_tune
from raypg.exchange.export_wandb import export_wandb
from raypg.exchange.import_csv import import_csv, is_csv
from raypg.exchange.import_optuna import import_optuna
from raypg.exchange.import_tune import import_tune
from raypg.exchange.old import Asked, OldSweep
from raypg.exchange.optuna_storage import is_study
from raypg.exchange.rows import SweepRows, read_sweep
from raypg.exchange.tune_files import is_experiment

EXPORTS: dict[str, Callable[[SweepRows, Path], str]] = {
    "tensorboard": export_tensorboard,
    "wandb": export_wandb,
    "optuna": export_optuna,
    "tune": export_tune,
}
"""Writes a sweep to a path; returns a line that says what reads it."""

IMPORTS: dict[str, Callable[[Asked], OldSweep]] = {
    "optuna": import_optuna,
    "tune": import_tune,
    "csv": import_csv,
}
"""Reads what another tool has written; the store is not touched."""


SIGNS: dict[str, Callable[[str], bool]] = {
    "optuna": is_study,
    "tune": is_experiment,
    "csv": is_csv,
}
"""Whether a path looks like what an importer reads."""


def guess_format(path: str) -> str:
    """The key of `IMPORTS` that a path looks like.

    Raises:
        ResultsError: it looks like none of them.
    """
    for name, looks_so in SIGNS.items():
        if looks_so(path):
            return name
    found = "no such file" if not Path(path).exists() else "none of these"
    rule = "must be an Optuna storage, a folder of Ray Tune or a CSV file"
    fix = f"Name another path, or say which with --from {' | '.join(IMPORTS)}."
    raise ResultsError(path, rule, found, fix)
