"""The way of a path sweep as a person reads it, and as rows for machines."""

from collections.abc import Sequence
from typing import Any

from raypg.results.numerals import format_p, format_reach
from raypg.results.output import MISSING, print_table
from raypg.results.show_compare import paired_columns
from raypg.results.statistics import Mean
from raypg.results.way import ALL, Step, changes_of, find_proven

WIDTH = 30
"""Characters of the widest bar."""

FLATTERS = "Each step is the best of those tried there, so that its gain flatters."


def step_row(step: Step) -> dict[str, Any]:
    """A step as one row; the start has no gain."""
    mean = step.mean
    return {
        "change": step.change,
        "seeds": mean and mean.num_values,
        "mean": mean and mean.mean,
        "mean_low": mean and mean.low,
        "mean_high": mean and mean.high,
        **paired_columns(step.gain),
    }


def readable_step(step: Step, metric: str) -> dict[str, str]:
    """A step in percent and points, with its intervals beside the numbers."""
    gain = step.gain
    gap = gain.difference if gain else None
    return {
        "change": step.change,
        metric: _said(step.mean, metric, is_amount=False),
        "difference": _said(gap, metric, is_amount=True),
        "p": MISSING if not gain or gain.p_t is None else f"{gain.p_t:.2g}",
    }


def print_steps(steps: Sequence[Step], metric: str, mode: str) -> None:
    """Print the steps with bars from where each begins to where it ends.

    Args:
        steps: as `read_steps` gives them.
        metric: what they are judged by.
        mode: `max` or `min`: which way is a gain.
    """
    means = [step.mean.mean for step in steps if step.mean]
    if not means:
        return
    low, high = min(means), max(means)
    rows = []
    before: float | None = None
    for step in steps:
        at = step.mean.mean if step.mean else None
        begin = means[0] if step.change == ALL else before
        bar = _bar(begin, at, (low, high), mode)
        rows.append({**readable_step(step, metric), "": bar})
        before = at
    print_table(rows, list(rows[0]))


def describe_way(steps: Sequence[Step]) -> str:
    """Which steps carry the gain, as far as the seeds tell."""
    changes = changes_of(steps)
    if not any(step.mean for step in steps):
        return "No trial on the way gave a number."
    if not changes:
        return "The way has no step with a number yet."
    gains = [step.gain for step in changes if step.gain]
    if all(gain.p_t is None for gain in gains):
        if all(gain.difference.num_values < 2 for gain in gains):
            return "One seed says nothing about noise; write --seeds 3."
        return "The seeds show no spread to judge noise by."
    proven = find_proven(steps)
    if not proven:
        return "No change gains or loses more than seed noise."
    told = ", ".join(f"{name} ({format_p(p)})" for name, p in proven.items())
    several = len(changes) > 1
    holm = f" after Holm's correction for {len(changes)} steps" * several
    rest = " The rest is not told from noise." * (len(proven) < len(changes))
    return f"Beyond seed noise{holm}: {told}.{rest}{f' {FLATTERS}' * several}"


def _said(mean: Mean | None, metric: str, *, is_amount: bool) -> str:
    if mean is None:
        return MISSING
    return format_reach(mean.mean, mean.low, metric, is_amount=is_amount)


def _bar(
    begin: float | None, end: float | None, span: tuple[float, float], mode: str
) -> str:
    """A bar between two values; `+` where it gains, `-` where it loses."""
    low, high = span
    if end is None or high == low:
        return ""
    scale = WIDTH / (high - low)
    start = low if begin is None else begin
    left, right = sorted((round((start - low) * scale), round((end - low) * scale)))
    is_gain = (end >= start) == (mode == "max")
    sign = "=" if begin is None else "+" if is_gain else "-"
    return " " * left + sign * max(1, right - left)
