"""What the arms of a sweep reached, beside the test errors that papers print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raypg.errors import ResultsError
from raypg.faults import format_value
from raypg.results.arms import ENDED_WELL, arm_label, is_finite
from raypg.results.columns import LEFT
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.schema import flat_rows
from raypg.results.statistics import Mean, mean_interval

_ACCURACY = {False: "val.accuracy", True: "test.accuracy"}
"""What an error is made of, without and with the test split."""
_DATA = "data.name"


@dataclass(frozen=True)
class Beside:
    """An arm beside one of its published errors; errors are ratios.

    Attributes:
        arm: its name.
        num_trials: of the arm, whatever their status.
        error: ours, over the seeds that have one; None where none has.
        published: the test error that the source has.
        source: which paper, and where in it.
        changed: by dotted name what the space states and what was trained.
    """

    arm: str
    num_trials: int
    error: Mean | None
    published: float
    source: str
    changed: Mapping[str, Sequence[Any]]

    @property
    def difference(self) -> float | None:
        """Our error less the published one."""
        return self.error.mean - self.published if self.error else None

    @property
    def num_seeds(self) -> int:
        """Seeds that have an error of ours."""
        return self.error.num_values if self.error else 0


def has_published(about: Mapping[str, Any]) -> bool:
    """Whether a sweep, by its description, states published errors."""
    return bool(about.get("published"))


def read_published(
    results: Results, sweep: str, *, with_test: bool = False
) -> list[Beside]:
    """Each published error of a sweep with ours, in the order of its space.

    Args:
        results: of the store.
        sweep: its name.
        with_test: whether ours is the test error, at the best epoch by validation; else
            it is the validation error at the last epoch.

    Raises:
        ResultsError: there is no such sweep, or it states no published errors.
    """
    about = results.sweep_description(sweep)
    if not has_published(about):
        rule, fix = "must state published errors", "Its space file may: published={…}."
        raise ResultsError(sweep, rule, "none", fix)
    rows = [row for row in results.trials(sweep) if row["status"] not in LEFT]
    if with_test:
        rows = _with_test(results, sweep, rows)
    return find_published(about, rows, _ACCURACY[with_test])


def find_published(
    about: Mapping[str, Any], rows: Sequence[FlatRow], accuracy: str = _ACCURACY[False]
) -> list[Beside]:
    """Each published error that a sweep states, with ours.

    Args:
        about: its description.
        rows: its trials, whatever their status.
        accuracy: the column that an error is made of.
    """
    by_arm: dict[str, list[FlatRow]] = {}
    for row in rows:
        by_arm.setdefault(arm_label(row), []).append(row)
    return [
        Beside(
            arm=one["arm"],
            num_trials=len(own),
            error=_error(own, accuracy),
            published=one["error"] / 100,
            source=one["source"],
            changed=one["changed"],
        )
        for one in about.get("published", ())
        for own in [by_arm.get(one["arm"], [])]
    ]


def describe_otherwise(found: Sequence[Beside]) -> list[str]:
    """What is not as the space states it, one line each; to be said before the numbers.

    Args:
        found: as `read_published` gives them.
    """
    arms = {one.arm: one for one in found}.values()
    keys = sorted({key for one in arms for key in one.changed})
    lines = []
    for key in keys:
        pairs = [one.changed[key] for one in arms if key in one.changed]
        stated, here = (
            " or ".join(dict.fromkeys(format_value(pair[side]) for pair in pairs))
            for side in (0, 1)
        )
        few = f" ({len(pairs)} of {len(arms)} arms)" * (len(pairs) < len(arms))
        lines.append(f"not as stated: {key}={here} in place of {stated}{few}")
    if _DATA in keys:
        lines.append(
            "not the published images: a difference says that it runs, and no more"
        )
    missing = sum(one.num_trials - one.num_seeds for one in arms)
    if missing:
        trials = sum(one.num_trials for one in arms)
        lines.append(f"left out: {missing} of {trials} trials have no such number")
    return lines


def beside_row(one: Beside, *, with_test: bool) -> FlatRow:
    """One line for machines: errors and differences are ratios."""
    return {
        "arm": one.arm,
        "seeds": one.num_seeds,
        "split": "test" if with_test else "val",
        "error": one.error and one.error.mean,
        "error_low": one.error and one.error.low,
        "error_high": one.error and one.error.high,
        "published": one.published,
        "difference": one.difference,
        "source": one.source,
        "changed": [
            f"{key}={format_value(here)}" for key, (_, here) in one.changed.items()
        ],
    }


def _error(rows: Sequence[FlatRow], accuracy: str) -> Mean | None:
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    values = [1 - row[accuracy] for row in ended if is_finite(row.get(accuracy))]
    return mean_interval(values) if values else None


def _with_test(results: Results, sweep: str, rows: Sequence[FlatRow]) -> list[FlatRow]:
    tested = flat_rows(results.sql("from test_results", sweeps=[sweep]))
    accuracy = {row["trial"]: row["test.accuracy"] for row in tested}
    return [{**row, "test.accuracy": accuracy.get(row["trial"])} for row in rows]
