"""Effects and importances as a person reads them, and as rows for machines."""

from collections.abc import Sequence
from typing import Any

from raypg.results.effects import Effect
from raypg.results.importances import LEAST_TRIALS, Importance
from raypg.results.numerals import format_amount, format_reach
from raypg.results.output import MISSING, print_table
from raypg.results.show_compare import paired_columns

_TITLES = {
    "arm": "",
    "marginal": "Each value over all other axes, against the baseline's value:",
    "interaction": "What two changes give together beyond what each gives alone:",
}


def effect_row(effect: Effect, metric: str) -> dict[str, Any]:
    """An effect as one row; what the seeds cannot tell is None."""
    mean = effect.mean
    return {
        "kind": effect.kind,
        "name": effect.name,
        "metric": metric,
        "seeds": mean and mean.num_values,
        "mean": mean and mean.mean,
        "mean_low": mean and mean.low,
        "mean_high": mean and mean.high,
        **paired_columns(effect.paired),
        "p_value_holm": effect.p_holm,
        "is_baseline": effect.is_baseline,
        "marks": list(effect.marks),
    }


def importance_row(one: Importance) -> dict[str, Any]:
    """An importance as one row."""
    return {
        "kind": "importance",
        "name": one.axis,
        "fanova": one.fanova,
        "mdi": one.mdi,
        "num_trials": one.num_trials,
    }


def print_effects(effects: Sequence[Effect], metric: str, baseline: str | None) -> None:
    """Print an ablation's effects; what is unfair comes before the numbers.

    Args:
        effects: as `find_effects` gives them.
        metric: what they are judged by.
        baseline: the arm that was to be the baseline.
    """
    base = next((e.name for e in effects if e.is_baseline and e.kind == "arm"), "")
    if baseline and base != baseline:
        print(f"The baseline {baseline} has no value: {base} stands in for it.")
    for effect in effects:
        for mark in effect.marks:
            print(f"not alike: {effect.name} (A) and the baseline (B): {mark}")
    for kind, title in _TITLES.items():
        of_kind = [effect for effect in effects if effect.kind == kind]
        if not of_kind:
            continue
        if title:
            print(f"\n{title}")
        rows = [readable_effect(effect, metric) for effect in of_kind]
        print_table(rows, list(rows[0]))
    num = max(effect.mean.num_values for effect in effects if effect.mean)
    if num < 2:
        print("\nOne seed says nothing about noise; give the space more (seeds=3).")


def print_importances(found: Sequence[Importance], metric: str) -> None:
    """Print a search's importances, or why there are none."""
    if not found:
        print(
            f"Too few trials completed with different {metric} to say what matters "
            f"(at least {LEAST_TRIALS}; those stopped early do not count)."
        )
        return
    rows = [
        {"axis": one.axis, "fANOVA": _share(one.fanova), "MDI": _share(one.mdi)}
        for one in found
    ]
    print_table(rows, list(rows[0]))
    print(
        f"\nShares of the variance of {metric} over {found[0].num_trials} completed "
        "trials, by two seeded forests; few trials, or forests that disagree, say "
        "little."
    )


def readable_effect(effect: Effect, metric: str) -> dict[str, Any]:
    """An effect in percent and points, with its intervals beside the numbers."""
    mean, paired = effect.mean, effect.paired
    row: dict[str, Any] = {
        effect.kind: effect.name + " (baseline)" * effect.is_baseline
    }
    if effect.kind != "interaction":
        row["seeds"] = mean.num_values if mean else 0
        row[metric] = MISSING
        if mean:
            row[metric] = format_reach(mean.mean, mean.low, metric)
    gap = paired and paired.difference
    row["difference"] = MISSING
    if gap:
        row["difference"] = format_reach(gap.mean, gap.low, metric, is_amount=True)
    row["p (Holm)"] = _p(effect.p_holm)
    row["p (signs)"] = _p(paired.p_permutation if paired else None)
    row["d"] = MISSING
    if paired and paired.effect_size is not None:
        row["d"] = f"{paired.effect_size:.2f}"
    row["finds"] = MISSING
    if paired and paired.smallest_detectable is not None:
        row["finds"] = format_amount(paired.smallest_detectable, metric)
    return row


def _p(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2g}"


def _share(value: float | None) -> str:
    return MISSING if value is None else f"{value:.1%}".replace("%", " %")
