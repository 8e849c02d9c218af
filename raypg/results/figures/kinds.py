"""The figures that there are, and how one is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raypg.errors import ResultsError, suggest_name
from raypg.results.figures.by_axis import build_by_axis
from raypg.results.figures.curves import build_curves
from raypg.results.figures.figure import Figure
from raypg.results.figures.importance import build_importance
from raypg.results.figures.parallel import build_parallel
from raypg.results.figures.rungs import build_rungs
from raypg.results.figures.source import Source, read_source
from raypg.results.figures.timeline import build_timeline
from raypg.results.figures.tradeoff import build_tradeoff
from raypg.results.figures.waterfall import build_waterfall
from raypg.results.query import Results


@dataclass(frozen=True)
class Kind:
    """One kind of figure.

    Attributes:
        build: makes it of a source, and of what `--x` says.
        has_x: whether `--x` chooses anything.
        has_metric: whether `--metric` does.
    """

    build: Callable[[Source, str], Figure]
    has_x: bool = False
    has_metric: bool = True


FIGURES: Mapping[str, Kind] = {
    "curves": Kind(lambda source, _: build_curves(source)),
    "axis": Kind(build_by_axis, has_x=True),
    "parallel": Kind(lambda source, _: build_parallel(source)),
    "tradeoff": Kind(build_tradeoff, has_x=True),
    "importance": Kind(lambda source, _: build_importance(source)),
    "waterfall": Kind(lambda source, _: build_waterfall(source)),
    "rungs": Kind(lambda source, _: build_rungs(source), has_metric=False),
    "timeline": Kind(lambda source, _: build_timeline(source), has_metric=False),
}


def build_figure(
    results: Results, sweep: str, kind: str, *, x: str = "", metric: str = ""
) -> Figure:
    """One figure of a sweep.

    Args:
        results: of a store.
        sweep: its name.
        kind: a key of `FIGURES`.
        x: of `axis` a setting, of `tradeoff` a cost.
        metric: a column of `epochs` for `curves`, of `trials` for the others; the
            sweep's own when empty.

    Raises:
        ResultsError: there is no such sweep, kind, setting or metric, or the figure
            would be empty; says why.
    """
    if kind not in FIGURES:
        fix = suggest_name(kind, FIGURES)
        raise ResultsError("KIND", "must be a kind of figure", kind, fix)
    found = FIGURES[kind]
    for option, value, is_heeded in (
        ("--x", x, found.has_x),
        ("--metric", metric, found.has_metric),
    ):
        if value and not is_heeded:
            rule, fix = f"means nothing to {kind}", "Leave it out."
            raise ResultsError(option, rule, value, fix)
    figure = found.build(read_source(results, sweep, metric), x)
    if figure.is_empty:
        fix = f"See: python -m raypg.results show {sweep}."
        said = f"nothing: {figure.caption.rstrip('.')}"
        raise ResultsError(f"{kind} of {sweep}", "must have what to draw", said, fix)
    return figure
