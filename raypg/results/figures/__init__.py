"""Figures of sweeps: built as values from the tables, drawn on paper or on a screen."""

from raypg.results.figures.figure import Figure
from raypg.results.figures.kinds import FIGURES, build_figure

__all__ = ["FIGURES", "Figure", "build_figure"]
