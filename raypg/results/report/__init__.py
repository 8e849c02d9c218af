"""A sweep on one page that opens anywhere: what it asked, its answer, its figures."""

from raypg.results.report.page import build_page

__all__ = ["build_page"]
