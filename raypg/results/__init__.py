"""The tables of the sweeps: appended as reports arrive, queried with SQL."""

from raypg.results.append import SweepWriter
from raypg.results.predictions import write_predictions
from raypg.results.query import Results, open_results

__all__ = ["Results", "SweepWriter", "open_results", "write_predictions"]
