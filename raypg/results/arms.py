"""The arms of an ablation: what each reached, and how far it is from the baseline."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from raypg.results.memo import FlatRow
from raypg.results.statistics import Mean, correct_holm, mean_interval, p_value

ENDED_WELL = ("completed", "cached")


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline, paired by seed."""

    difference: Mean
    """The arm's metric less the baseline's."""
    p: float | None
    """Corrected for the number of comparisons; None without noise to measure."""


@dataclass(frozen=True)
class Arm:
    """One config of an ablation with all its seeds."""

    label: str
    values: dict[int, float]
    """Seed to the metric of the trial that completed."""
    num_trials: int
    num_parameters: int | None
    train_s: float | None
    """Mean over its trials."""
    comparison: Comparison | None = None
    """None for the baseline, and where no seed is shared with it."""
    is_baseline: bool = False

    @property
    def mean(self) -> Mean | None:
        """Of the metric over its seeds; None when no trial completed."""
        return mean_interval([*self.values.values()]) if self.values else None


def group_arms(rows: Sequence[FlatRow], metric: str) -> list[Arm]:
    """The trials of a sweep by arm, in the order that arms were first proposed."""
    groups: dict[str, list[FlatRow]] = {}
    for row in rows:
        groups.setdefault(arm_label(row), []).append(row)
    return [_build_arm(label, group, metric) for label, group in groups.items()]


def arm_label(row: FlatRow) -> str:
    """The arm of a trial; one that has none is an arm by itself."""
    return str(row["arm"] or row["trial"])


def compare_arms(arms: Sequence[Arm], baseline: str | None) -> list[Arm]:
    """The arms with their comparisons to the baseline, corrected for their number.

    Args:
        arms: as `group_arms` gives them.
        baseline: the label of one of them; the first arm where it has no values. An
            empty one: nobody named any, and nothing is compared.
    """
    if baseline == "":
        return list(arms)
    rated = [arm for arm in arms if arm.values] or list(arms)
    base = next((arm for arm in rated if arm.label == baseline), rated[0])
    differences = [_paired(arm, base) if arm is not base else [] for arm in arms]
    tested = [values for values in differences if values]
    corrected = iter(correct_holm([p_value(values) for values in tested]))
    return [
        replace(arm, comparison=Comparison(mean_interval(values), next(corrected)))
        if values
        else replace(arm, is_baseline=arm is base)
        for arm, values in zip(arms, differences, strict=True)
    ]


def _build_arm(label: str, rows: Sequence[FlatRow], metric: str) -> Arm:
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    values = {_pairing(r): r[metric] for r in ended if is_finite(r.get(metric))}
    return Arm(
        label=label,
        values=values,
        num_trials=len(rows),
        num_parameters=_first(ended, "num_parameters"),
        train_s=_mean([row["train_s"] for row in ended if row["train_s"] is not None]),
    )


def is_finite(value: object) -> bool:
    """Whether there is a number to reckon with."""
    return isinstance(value, int | float) and math.isfinite(value)


def _pairing(row: FlatRow) -> int:
    """The seed; of a trial without one a number that no other trial of a sweep has."""
    seed = row["seed"]
    return -1 - int(row.get("number") or 0) if seed is None else int(seed)


def _paired(arm: Arm, base: Arm) -> list[float]:
    shared = sorted(arm.values.keys() & base.values.keys())
    return [arm.values[seed] - base.values[seed] for seed in shared]


def _first(rows: Sequence[FlatRow], name: str) -> Any:  # noqa: ANN401 a cell
    return next((row[name] for row in rows if row[name] is not None), None)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
