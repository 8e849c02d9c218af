"""Trials that were cut short, in figures of what trials reached: ticks at the foot.

What such a trial would have reached is not known; where the search looked is.
"""

from collections.abc import Sequence

from raypg.results.figures.figure import Points
from raypg.results.figures.thin import MOST_DOTS, pick_evenly
from raypg.results.figures.words import ending_of, trial_label
from raypg.results.memo import FlatRow

_BELOW = 0.06
"""Of the span of the values above."""


def cut_short(
    rows: Sequence[FlatRow], x: Sequence[float], values: Sequence[float]
) -> list[Points]:
    """A tick a trial, below the values; none for no trial.

    Args:
        rows: of `trials`, stopped early.
        x: where each stands.
        values: what is drawn above, at least one.
    """
    if not rows:
        return []
    shown = pick_evenly([*zip(rows, x, strict=True)], MOST_DOTS // 2)
    low, high = min(values), max(values)
    foot = low - _BELOW * ((high - low) or abs(low) or 1.0)
    return [
        Points(
            x=tuple(place for _, place in shown),
            y=(foot,) * len(shown),
            color="orange",
            name=f"stopped early ({len(rows)}), value not known",
            hover=tuple(f"{trial_label(row)}: {ending_of(row)}" for row, _ in shown),
            symbol="tick",
            tells_place=False,
        )
    ]
