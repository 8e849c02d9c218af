"""The tables of the sweeps: appended as reports arrive, queried with SQL.

Each name is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

from raypg.later import load_later

if TYPE_CHECKING:
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

__getattr__ = load_later(
    __name__,
    {
        "Results": "raypg.results.query",
        "Stale": "raypg.results.memo",
        "Summary": "raypg.results.answer",
        "SweepWriter": "raypg.results.append",
        "check_types": "raypg.results.memo",
        "open_results": "raypg.results.query",
        "open_store": "raypg.results.query",
        "read_failures": "raypg.results.failures",
        "set_kept_aside": "raypg.results.kept",
        "summarise": "raypg.results.answer",
        "take_in": "raypg.results.kept",
        "write_predictions": "raypg.results.predictions",
    },
)
