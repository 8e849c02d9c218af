"""The way from one config to another, step by step, with what each step gained."""

from collections.abc import Sequence
from typing import Any

from raypg.results.numerals import format_p, format_reach
from raypg.results.output import MISSING, print_table
from raypg.results.show_compare import paired_columns
from raypg.results.statistics import CONFIDENCE, correct_holm
from raypg.studies.explain import Step

ALPHA = 1 - CONFIDENCE
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


def print_steps(steps: Sequence[Step], metric: str, mode: str) -> None:
    """Print the steps with bars from where each begins to where it ends.

    Args:
        steps: as `read_steps` gives them.
        metric: what they are judged by.
        mode: `max` or `min`: which way is a gain.
    """
    means = [step.mean.mean for step in steps if step.mean]
    if not means:
        print("No trial on the way gave a number.")
        return
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
                "difference": _said(gap, metric, is_amount=True),
                "p": f"{step.gain.p_t:.2g}" if step.gain and step.gain.p_t else MISSING,
                "": _bar(begin, at, (low, high), mode),
            }
        )
        before = at
    print_table(rows, list(rows[0]))
    print()
    print(describe(steps))


def describe(steps: Sequence[Step]) -> str:
    """Which steps carry the gain, as far as the seeds tell."""
    changes = [step for step in steps if step.gain and step.change != "all"]
    tested = [step.gain.p_t for step in changes if step.gain]
    if all(p is None for p in tested):
        one = all(s.gain and s.gain.difference.num_values < 2 for s in changes)
        return (
            "One seed says nothing about noise; write --seeds 3."
            if one
            else "The seeds show no spread to judge noise by."
        )
    corrected = dict(
        zip([step.change for step in changes], correct_holm(tested), strict=True)
    )
    proven = [name for name, p in corrected.items() if p is not None and p < ALPHA]
    if not proven:
        return "No change gains or loses more than seed noise."
    told = ", ".join(f"{name} ({format_p(corrected[name] or 0.0)})" for name in proven)
    holm = f" after Holm's correction for {len(changes)} steps" * (len(changes) > 1)
    rest = " The rest is not told from noise." if len(proven) < len(changes) else ""
    chosen = " Each step is the best of those tried there, so that its gain flatters."
    return f"Beyond seed noise{holm}: {told}.{rest}{chosen * (len(changes) > 1)}"


def _said(mean: Any, metric: str, *, is_amount: bool) -> str:  # noqa: ANN401 a Mean
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
