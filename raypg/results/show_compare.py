"""A comparison as a person reads it, and as a row for machines."""

from collections.abc import Sequence
from typing import Any

from raypg.results.compare import Versus
from raypg.results.numerals import (
    format_amount,
    format_interval,
    format_p,
    format_reach,
)
from raypg.results.paired import MOST_PAIRS, POWER, Paired
from raypg.results.statistics import CONFIDENCE, RESOLUTION

_PAIRED = (
    "difference",
    "interval_low",
    "interval_high",
    "bootstrap_low",
    "bootstrap_high",
    "p_value",
    "p_value_t",
    "num_pairs",
    "effect_size",
    "smallest_detectable",
    "num_pairs_needed",
)
_POWER = f"{100 * POWER:.0f} %"


def versus_row(versus: Versus) -> dict[str, Any]:
    """A comparison as one row; what the seeds cannot tell is None."""
    paired = versus.paired
    return {
        "a": versus.a,
        "b": versus.b,
        "metric": versus.metric,
        "rule": versus.rule,
        "mean_a": versus.means[0].mean,
        "mean_b": versus.means[1].mean,
        **paired_columns(paired),
        "p_value_holm": versus.p_holm,
        "seeds": list(versus.seeds),
        "num_trials_a": versus.num_trials[0],
        "num_trials_b": versus.num_trials[1],
        "question": list(versus.question),
        "marks": list(versus.marks),
    }


def paired_columns(paired: Paired | None) -> dict[str, Any]:
    """What is known of paired differences, as columns; of none, all are None.

    `interval_…` is Student's t, `p_value` that of the permutation test.
    """
    if paired is None:
        return dict.fromkeys(_PAIRED)
    return {
        "difference": paired.difference.mean,
        "interval_low": paired.difference.low,
        "interval_high": paired.difference.high,
        "bootstrap_low": paired.bootstrap_low,
        "bootstrap_high": paired.bootstrap_high,
        "p_value": paired.p_permutation,
        "p_value_t": paired.p_t,
        "num_pairs": paired.difference.num_values,
        "effect_size": paired.effect_size,
        "smallest_detectable": paired.smallest_detectable,
        "num_pairs_needed": paired.num_needed,
    }


def print_versus(found: Sequence[Versus], mode: str) -> None:
    """Print comparisons with one side; what is unfair comes before the number.

    Args:
        found: at least one.
        mode: `max` or `min`.
    """
    for versus in found:
        if versus is not found[0]:
            print()
        print(f"A: {versus.a}")
        print(f"B: {versus.b}")
        for mark in versus.marks:
            print(f"not alike: {mark}")
        for line in _numbers(versus, len(found)):
            print(line)
        print()
        print(verdict(versus, mode))


def verdict(versus: Versus, mode: str) -> str:
    """What the seeds allow one to say, in a sentence."""
    paired, metric = versus.paired, versus.metric
    num, amount = paired.difference.num_values, paired.difference.mean
    p = versus.p_holm if versus.p_holm is not None else paired.p_t
    size = format_amount(abs(amount), metric)
    is_a = (amount > 0) == (mode == "max")
    winner, loser = ("A", "B") if is_a else ("B", "A")
    marked = " They are not alike in all else: see above." if versus.marks else ""
    if abs(amount) <= RESOLUTION and p is None:
        same = f"the same in each of {num} seeds" if num > 1 else "the same in one seed"
        return f"A and B are {same}.{marked}"
    if num < 2:
        lead = f"{winner} is ahead of {loser} by {size}"
        return f"{lead}, but one seed says nothing about noise.{marked}"
    if p is None:
        lead = f"{winner} is ahead of {loser} by {size} in each of {num} seeds"
        return f"{lead}: no spread to judge noise by.{marked}"
    if p < 1 - CONFIDENCE:
        return f"{winner} beats {loser} by {size} ({format_p(p)}).{marked}"
    return f"No difference beyond seed noise ({format_p(p)}).{_more(paired)}{marked}"


def _more(paired: Paired) -> str:
    if paired.num_needed is None:
        return f" More than {MOST_PAIRS:,} seeds would be needed to show so little."
    num = paired.num_needed - paired.difference.num_values
    if num < 1:
        return ""
    seeds = f"{num:,} more seed{'s' * (num > 1)}"
    return f" If it is as large as that, {seeds} would show it ({_POWER} power)."


def _numbers(versus: Versus, num_compared: int) -> list[str]:
    paired, metric = versus.paired, versus.metric
    seeds = f"{len(versus.seeds)} seed{'s' * (len(versus.seeds) != 1)} paired"
    means = " against ".join(
        format_reach(mean.mean, mean.low, metric) for mean in versus.means
    )
    lines = [
        f"{metric} of {versus.rule}: {means} ({seeds})",
        f"A - B: {format_amount(paired.difference.mean, metric, sign=True)}",
    ]
    if paired.p_t is None:
        return lines
    t = format_interval(paired.difference.low, paired.difference.high, metric)
    bootstrap = format_interval(paired.bootstrap_low, paired.bootstrap_high, metric)
    lines[1] += f", 95 % interval {t} (t), {bootstrap} (bootstrap)"
    assert paired.p_permutation is not None
    holm = ""
    if num_compared > 1 and versus.p_holm is not None:
        holm = f", {format_p(versus.p_holm)} after Holm's correction for {num_compared}"
    least = 2 / 2**paired.difference.num_values
    floor = f", which is never below {least:.2g} here" if least >= 0.05 else ""
    lines.append(f"t-test {format_p(paired.p_t)}{holm}")
    lines.append(f"permutation of signs {format_p(paired.p_permutation)}{floor}")
    assert paired.smallest_detectable is not None
    found = format_amount(paired.smallest_detectable, metric)
    lines.append(
        f"effect size d = {paired.effect_size:.2f}; so many seeds would find {found} "
        f"({_POWER} power)"
    )
    return lines
