"""The tables of the sweeps: appended as reports arrive, queried with SQL."""

from raypg.results.answer import Summary, summarise
from raypg.results.append import SweepWriter
from raypg.results.failures import read_failures
from raypg.results.kept import set_kept_aside, take_in
from raypg.results.memo import Stale, check_types
from raypg.results.predictions import write_predictions
from raypg.results.query import Results, open_results, open_store

__all__ = [
    "Results",
    "Stale",
    "Summary",
    "SweepWriter",
    "check_types",
    "open_results",
    "open_store",
    "read_failures",
    "set_kept_aside",
    "summarise",
    "take_in",
    "write_predictions",
]
