"""The way from one config to another, step by step, with what each step gained."""

from collections.abc import Sequence
from typing import Any

from raypg.results.numerals import format_p, format_reach
from raypg.results.output import MISSING, print_table
from raypg.results.show_compare import paired_columns
from raypg.results.statistics import CONFIDENCE
from raypg.studies.explain import Step

WIDTH = 30
"""Characters of the widest bar."""


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


def print_steps(steps: Sequence[Step], metric: str) -> None:
    """Print the steps with bars from where each begins to where it ends."""
    means = [step.mean.mean for step in steps if step.mean]
    low, high = min(means), max(means)
    rows: list[dict[str, Any]] = []
    before: float | None = None
    for step in steps:
        at = step.mean.mean if step.mean else None
        begin = means[0] if step.change == "all" else before
        gap = step.gain and step.gain.difference
        rows.append(
            {
                "change": step.change,
                metric: _said(step.mean, metric, is_amount=False),
                "gain": _said(gap, metric, is_amount=True),
                "p": f"{step.gain.p_t:.2g}" if step.gain and step.gain.p_t else MISSING,
                "": _bar(begin, at, low, high),
            }
        )
        before = at
    print_table(rows, list(rows[0]))
    print()
    print(describe(steps))


def describe(steps: Sequence[Step]) -> str:
    """Which steps carry the gain, as far as the seeds tell."""
    changes = [step for step in steps if step.gain and step.change != "all"]
    proven = [step for step in changes if step.gain and step.gain.is_beyond_noise]
    if not proven:
        return "No change gains or loses more than seed noise."
    told = ", ".join(
        f"{step.change} ({format_p(step.gain.p_t)})"
        for step in proven
        if step.gain and step.gain.p_t is not None
    )
    level = f"p < {1 - CONFIDENCE:.2g} each, not corrected"
    rest = " The rest is not told from noise." if len(proven) < len(changes) else ""
    return f"Beyond seed noise ({level}): {told}.{rest}"


def _said(mean: Any, metric: str, *, is_amount: bool) -> str:  # noqa: ANN401 a Mean
    if mean is None:
        return MISSING
    return format_reach(mean.mean, mean.low, metric, is_amount=is_amount)


def _bar(begin: float | None, end: float | None, low: float, high: float) -> str:
    """A bar between two values; `+` where it gains, `-` where it loses."""
    if end is None or high == low:
        return ""
    scale = WIDTH / (high - low)
    start = low if begin is None else begin
    left, right = sorted((round((start - low) * scale), round((end - low) * scale)))
    sign = "=" if begin is None else "+" if end >= start else "-"
    return " " * left + sign * max(1, right - left)
