"""A sweep's answer: a table of its arms or best trials, and one honest sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raypg.results.arms import ENDED_WELL, Arm, compare_arms, group_arms, is_finite
from raypg.results.columns import LEFT
from raypg.results.effects import arm_marks
from raypg.results.front import Front, build_front, own_objectives
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric
from raypg.results.query import Results
from raypg.results.show_front import describe_front, front_rows
from raypg.results.show_way import describe_way, step_row
from raypg.results.way import Step, read_steps
from raypg.results.wording import describe_arms, describe_numberless, describe_repaired
from raypg.store import DEFAULT_STORE

NUM_BEST = 10
_MOST_MARKS = 5
"""Of an answer; `results effects` has all of them."""


@dataclass(frozen=True)
class Summary:
    """What a sweep ends with."""

    rows: list[FlatRow]
    """By arm, by step of a way, or the best trials of a search; a missing number is
    None."""
    sentence: str
    query_command: str
    """What to type to go on asking."""
    baseline: str = ""
    """The arm that the others are compared with; empty for trials of a search."""
    marks: list[str] = field(default_factory=list)
    """What makes its comparisons unfair, to be said before their numbers."""
    steps: list[Step] = field(default_factory=list)
    """Of a path, the way that it went; of all else none."""
    front: Front | None = None
    """Of a search with several metrics."""


def summarise(results: Results, sweep: str) -> Summary:
    """The answer to the question that a sweep asked.

    Raises:
        ResultsError: There is no such sweep.
    """
    about = results.sweep_description(sweep)
    rows = [row for row in results.trials(sweep) if row["status"] not in LEFT]
    metric, mode = about.get("metric", DEFAULT_METRIC), about.get("mode", "max")
    axes = list(about.get("axes", ()))
    is_path = about.get("kind") == "path"
    # Of the axes of a way hardly any varies by itself.
    command = _query_command(results, sweep, metric, [] if is_path else axes)
    if not any(row["status"] in ENDED_WELL for row in rows):
        ended = sum(row["status"] == "failed" for row in rows)
        sentence = f"No trial completed ({ended} of {len(rows)} failed)."
        return Summary([], sentence, command)
    repaired, odd = describe_repaired(rows), describe_numberless(rows, metric)
    if is_path:
        steps = read_steps(rows, metric)
        sentence = describe_way(steps) + repaired + odd
        return Summary([*map(step_row, steps)], sentence, command, steps=steps)
    if about.get("kind") == "ablation":
        arms = compare_arms(group_arms(rows, metric), about.get("baseline"))
        table = [_arm_row(arm, metric) for arm in arms]
        sentence = describe_arms(arms, metric, mode) + repaired
        baseline = next((arm.label for arm in arms if arm.is_baseline), "")
        marks = _arm_marks(arms, rows, axes, metric)
        return Summary(table, sentence, command, baseline, marks)
    if objectives := own_objectives(about):
        front = build_front(about, rows, objectives)
        command = _front_command(results, sweep, front)
        sentence = describe_front(front) + repaired
        return Summary(front_rows(front), sentence, command, front=front)
    best = _best_trials(rows, metric, mode)
    table = [_trial_row(row, metric, axes) for row in best[:NUM_BEST]]
    if about.get("kind") == "trial":
        return Summary(table, _describe_trial(best[0], metric), command)
    sentence = _describe_search(rows, best[0], metric, axes)
    return Summary(table, sentence + repaired + odd, command)


def _arm_marks(
    arms: Sequence[Arm], rows: Sequence[FlatRow], axes: Sequence[str], metric: str
) -> list[str]:
    """What is not alike, with the arms that it is said of: one line a difference."""
    base = next((arm for arm in arms if arm.is_baseline), None)
    if base is None:
        return []
    said: dict[str, list[str]] = {}
    for label, marks in arm_marks(arms, base, rows, axes, metric).items():
        for mark in marks:
            said.setdefault(mark, []).append(label)
    lines = [
        f"{names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)} (A) "
        f"against the baseline (B): {mark}"
        for mark, names in said.items()
    ]
    more = len(lines) - _MOST_MARKS
    return lines if more <= 0 else [*lines[:_MOST_MARKS], f"{more} more differences"]


def _arm_row(arm: Arm, metric: str) -> FlatRow:
    mean, versus = arm.mean, arm.comparison
    return {
        "arm": arm.label,
        "seeds": len(arm.values),
        metric: mean and mean.mean,
        "low": mean and mean.low,
        "high": mean and mean.high,
        "difference": versus and versus.difference.mean,
        "difference_low": versus and versus.difference.low,
        "difference_high": versus and versus.difference.high,
        "p": versus and versus.p,
        "num_parameters": arm.num_parameters,
        "train_s": arm.train_s,
    }


def _trial_row(row: FlatRow, metric: str, axes: Sequence[str]) -> FlatRow:
    own = {f"config.{axis}": row.get(f"config.{axis}") for axis in axes}
    names = ("num_epochs", "num_parameters", "train_s", "status")
    return {"trial": row["trial"], metric: row.get(metric)} | own | _pick(row, names)


def _pick(row: FlatRow, names: Sequence[str]) -> FlatRow:
    return {name: row[name] for name in names}


def _best_trials(rows: Sequence[FlatRow], metric: str, mode: str) -> list[FlatRow]:
    """Trials that ended well, the best first."""
    sign = -1 if mode == "max" else 1
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    rated = [row for row in ended if is_finite(row.get(metric))]
    return sorted(rated, key=lambda row: sign * row[metric]) or ended


def _describe_trial(row: FlatRow, metric: str) -> str:
    value = format_metric(row.get(metric), metric)
    epochs = f"{row['num_epochs']} epochs"
    return f"The trial reached {metric} {value} after {epochs}, one seed of one config."


def _describe_search(
    rows: Sequence[FlatRow], best: FlatRow, metric: str, axes: Sequence[str]
) -> str:
    values = {axis: best.get(f"config.{axis}") for axis in axes}
    drawn = " ".join(f"{a}={_short(v)}" for a, v in values.items() if v is not None)
    num_stopped = sum(row["status"] == "stopped" for row in rows)
    num_epochs = sum(row["num_epochs"] or 0 for row in rows)
    return (
        f"The best of {len(rows)} trials reached {metric} "
        f"{format_metric(best.get(metric), metric)} with {drawn or best['trial']} "
        f"({num_stopped} stopped early, {num_epochs:,} epochs in all); "
        "being the best of many, that number flatters."
    )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _query_command(
    results: Results, sweep: str, metric: str, axes: Sequence[str]
) -> str:
    by = ", ".join(f"config.{axis}" for axis in axes) or "arm"
    query = (
        f"select {by}, avg({metric}) as mean, count(*) as seeds from trials "
        f"where sweep = '{sweep}' and status in {ENDED_WELL} group by all order by all"
    )
    return _command(results, query)


def _front_command(results: Results, sweep: str, front: Front) -> str:
    names = [f"config.{axis}" for axis in front.axes]
    names += [one.name for one in front.objectives]
    first = front.objectives[0]
    down = " desc" if first.mode == "max" else ""
    query = (
        f"select trial, {', '.join(names)} from trials where sweep = '{sweep}' "
        f"and status in {ENDED_WELL} order by {first.name}{down}"
    )
    return _command(results, query)


def _command(results: Results, query: str) -> str:
    is_default = results.store.uri == str(Path(DEFAULT_STORE).absolute())
    store = "" if is_default else f" {results.store.option}"
    return f'python -m raypg.results sql "{query}"{store}'
