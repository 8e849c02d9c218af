"""What the numbers of an ablation allow one to say, and no more than that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raypg.results.arms import ENDED_WELL, Arm, Comparison, is_finite
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_amount, format_interval, format_p
from raypg.results.statistics import CONFIDENCE, Mean


@dataclass(frozen=True)
class _Gain:
    """The winner of a comparison, its loser, and by how much."""

    winner: str
    loser: str
    amount: Mean
    """At least 0."""
    p: float | None

    @property
    def is_proven(self) -> bool:
        return self.p is not None and self.p < 1 - CONFIDENCE


def describe_changes(parts: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> str:
    """What has changed, in a line: files and data by name, the rest with its values.

    Args:
        parts: the values of each before and after; of a file and of data, hashes.
    """
    return ", ".join(
        name
        if name.endswith((".py", " data"))
        else f"{name} {' or '.join(before)} → {' or '.join(after)}"
        for name, (before, after) in parts.items()
    )


def describe_code(row: Mapping[str, object]) -> str:
    """Which code a trial was trained by, in a few words.

    Args:
        row: of `trials`, or what `sweep.json` has of a change.
    """
    commit, patch = row.get("git.commit"), row.get("git.diff")
    if not commit:
        return "code of no commit"
    named = f"commit {str(commit)[:12]}"
    if patch:
        return f"{named} with {patch}"
    return f"{named} with changes that are not kept" if row.get("git.dirty") else named


def describe_arms(arms: Sequence[Arm], metric: str, mode: str) -> str:
    """One sentence: which arm beats the baseline, or that none does beyond noise.

    Args:
        arms: as `compare_arms` gives them.
        metric: what they are judged by.
        mode: `max` or `min`.
    """
    axis, names = _short_labels([arm.label for arm in arms])
    base = next((arm for arm in arms if arm.values and arm.is_baseline), None)
    if not any(arm.values for arm in arms):
        return f"No completed trial has a {metric}."
    if base is None:
        return (
            "The space names no arm as the baseline, so that none is compared; two of "
            "them are by: python -m raypg.results compare ARM ARM."
        )
    baseline = names[base.label]
    gains = [
        _gain(names[arm.label], baseline, arm.comparison, mode)
        for arm in arms
        if arm.comparison is not None
    ]
    if not gains:
        return f"There is nothing to compare {baseline} with."
    proven = [gain for gain in gains if gain.is_proven]
    better = [gain for gain in proven if gain.loser == baseline]
    most = max(better or proven or gains, key=lambda gain: gain.amount.mean)
    if not proven:
        return _describe_unproven(most, axis, baseline, metric, len(gains))
    proof = _evidence(most, metric, len(gains))
    amount = format_amount(most.amount.mean, metric, digits=1)
    subject = f"{axis} matters" if axis else "The arms differ"
    return f"{subject}: {most.winner} beats {most.loser} by {amount} ({proof})."


def describe_repaired(rows: Sequence[FlatRow]) -> str:
    """What is to be said of trials that ran out of memory and went on; else nothing.

    Args:
        rows: of `trials`.
    """
    repaired = [
        row
        for row in rows
        if row.get("micro_batch") is not None and row["status"] != "failed"
    ]
    if not repaired:
        return ""
    arms = dict.fromkeys(row["arm"] or row["trial"] for row in repaired)
    trials = "1 trial" if len(repaired) == 1 else f"{len(repaired)} trials"
    return (
        f" Out of memory, {trials} ({', '.join(arms)}) went on in smaller "
        "micro-batches: batch statistics, if any, are not those of the others."
    )


def describe_numberless(rows: Sequence[FlatRow], metric: str) -> str:
    """What is to be said of completed trials whose metric is NaN; else nothing.

    Args:
        rows: of `trials`.
        metric: what they are judged by.
    """
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    values = [row.get(metric) for row in ended]
    num = sum(value is not None and not is_finite(value) for value in values)
    if not num:
        return ""
    return (
        f" {num} of {len(ended)} completed trials count for nothing: {metric} is NaN."
    )


def _describe_unproven(
    most: _Gain, axis: str, baseline: str, metric: str, num_gains: int
) -> str:
    amount = format_amount(most.amount.mean, metric, digits=1)
    lead = f"{most.winner} is ahead of {most.loser} by {amount}"
    num_seeds = most.amount.num_values
    start = f"{axis}: " if axis else ""
    if num_seeds < 2:
        return (
            f"{start}{lead}, but one seed says nothing about noise; "
            "give the space more (seeds=3)."
        )
    if most.amount.mean == 0:
        return (
            f"{start}no arm differs from {baseline} at all ({num_seeds} seeds paired)."
        )
    if most.p is None:
        return (
            f"{start}{lead} in each of {num_seeds} seeds: no spread to judge noise by."
        )
    return (
        f"{start}no arm differs from {baseline} by more than seed noise; at most "
        f"{lead} ({_evidence(most, metric, num_gains)})."
    )


def _evidence(gain: _Gain, metric: str, num_gains: int) -> str:
    assert gain.p is not None
    interval = format_interval(gain.amount.low, gain.amount.high, metric, digits=1)
    after = f" after Holm's correction for {num_gains} comparisons"
    correction = after if num_gains > 1 else ""
    seeds = f"{gain.amount.num_values} seeds paired"
    return f"95 % interval {interval}, {seeds}, {format_p(gain.p)}{correction}"


def _gain(arm: str, baseline: str, versus: Comparison, mode: str) -> _Gain:
    difference = versus.difference
    is_better = (difference.mean >= 0) == (mode == "max")
    names = (arm, baseline) if is_better else (baseline, arm)
    amount = difference if difference.mean >= 0 else _negated(difference)
    return _Gain(*names, amount, versus.p)


def _negated(mean: Mean) -> Mean:
    low = None if mean.high is None else -mean.high
    high = None if mean.low is None else -mean.low
    return Mean(mean.num_values, -mean.mean, low, high)


def _short_labels(labels: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The one axis that all labels have, and the labels without it.

    `model.depth=22` and `model.depth=40` are `22` and `40`; labels of several axes
    stay as they are. A baseline that is no arm of the grid has no axis.
    """
    axes = {label.split("=")[0] for label in labels if "=" in label}
    if len(axes) != 1 or any(" " in label for label in labels):
        return "", {label: label for label in labels}
    (axis,) = axes
    return axis, {label: label.removeprefix(f"{axis}=") for label in labels}
