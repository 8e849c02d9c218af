"""Which axes of a search the metric follows from, as bars."""

from collections.abc import Sequence

from raypg.results.figures.figure import Axis, Bars, Figure
from raypg.results.figures.source import Source, check_metric
from raypg.results.figures.thin import pick_evenly
from raypg.results.importances import (
    LEAST_TRIALS,
    MOST_NAMES,
    Importance,
    find_importances,
)

_TITLE = "What matters"
_FORESTS = (("fanova", "fANOVA", "blue", -0.19), ("mdi", "MDI", "orange", 0.19))
"""Of an importance: its field, what it is called, its colour, and how far it stands
from the middle of its axis."""
_MOST_TRIALS = 200
"""fANOVA of six axes takes 1.7 s over 200 trials, and 36 s over 1,000 (one core of an
EPYC, Optuna 5.0)."""


def build_importance(source: Source) -> Figure:
    """The importances of a search's axes.

    Raises:
        ResultsError: there is no such metric.
    """
    check_metric(source)
    if not source.is_search:
        reason = "An ablation says itself what each choice does: see its effects."
        return Figure("importance", _TITLE, reason)
    rows = pick_evenly(source.rated, _MOST_TRIALS)
    found = find_importances(rows, source.metric, source.axes)
    if not found:
        reason = (
            f"Too few trials completed with different {source.metric} to say what "
            f"matters (at least {LEAST_TRIALS}; those stopped early do not count)."
        )
        return Figure("importance", _TITLE, reason)
    marks = []
    for field, name, color, offset in _FORESTS:
        shares = [getattr(one, field) for one in found]
        known = [(place, s) for place, s in enumerate(shares) if s is not None]
        bars = Bars(
            start=(0.0,) * len(known),
            end=tuple(share for _, share in known),
            y=tuple(place + offset for place, _ in known),
            color=color,
            name=name,
            hover=tuple(f"{found[p].axis}: {name} {100 * s:.1f} %" for p, s in known),
            height=0.36,
        )
        marks += [bars] if known else []
    return Figure(
        kind="importance",
        title=_TITLE,
        caption=(
            f"Shares of the variance of {source.metric} over {found[0].num_trials} "
            f"completed trials{_some(source)} that each axis explains, by two seeded "
            "forests; no interval. Few trials, or forests that disagree, say little."
            f"{_left_out(found)}"
        ),
        x=Axis("share of the variance", is_ratio=True),
        y=Axis("", places=tuple(one.axis for one in found)),
        marks=tuple(marks),
    )


def _left_out(found: Sequence[Importance]) -> str:
    """Axes with no bar of the one forest but with one of the other."""
    own = [one.axis for one in found if one.fanova is None and one.mdi is not None]
    told = f" Not in fANOVA, as of more than {MOST_NAMES} names: {', '.join(own)}."
    return told if own else ""


def _some(source: Source) -> str:
    """That not all of them were asked."""
    num = len(source.rated)
    if num <= _MOST_TRIALS:
        return ""
    return f" of {num:,}, evenly by when they were drawn (`effects` asks all),"
