"""What figures are built from: the tables of one sweep, under one metric."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raypg.errors import ResultsError, suggest_name
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT
from raypg.results.listing import DEFAULT_METRIC, mode_of
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.schema import flatten

_KEYS = ("attempt", "seed", "number", "best_epoch", "epoch", "micro_batch", "pid")
"""Columns of numbers that measure nothing."""


@dataclass(frozen=True)
class Span:
    """What the epochs of one attempt say of its time, in seconds since 1970."""

    began: float
    """When its first epoch did."""
    ended: float
    """When its last epoch did."""
    train_s: float
    """The sum over its epochs."""


@dataclass(frozen=True)
class Source:
    """A sweep whose figures are asked for.

    Attributes:
        sweep: its name.
        about: its description.
        rows: of `trials`; those left out that went on as another.
        metric: what trials are judged by.
        mode: `max` or `min` of it is best.
        curves: reads a metric by epoch, of every trial.
        spans: reads the time of the epochs, by trial and attempt.
        line_metrics: reads which metrics epochs have.
    """

    sweep: str
    about: Mapping[str, Any]
    rows: Sequence[FlatRow]
    metric: str
    mode: str
    curves: Callable[[str], dict[str, list[tuple[int, float]]]]
    spans: Callable[[], dict[tuple[str, int], Span]]
    line_metrics: Callable[[], list[str]]

    @property
    def is_search(self) -> bool:
        """Whether trials were drawn, rather than laid out as arms."""
        return self.about.get("kind") == "search"

    @property
    def axes(self) -> list[str]:
        """Of its space: dotted names, without `config.`."""
        return list(self.about.get("axes", ()))

    @property
    def own_metric(self) -> str:
        """What the sweep itself is about, whatever was asked for."""
        return str(self.about.get("metric", DEFAULT_METRIC))

    @property
    def rated(self) -> list[FlatRow]:
        """Trials that ended well, with a number of the metric."""
        ended = (row for row in self.rows if row["status"] in ENDED_WELL)
        return [row for row in ended if is_number(row.get(self.metric))]

    @property
    def best(self) -> FlatRow | None:
        """The best trial that ended well, by the sweep's own metric; None without."""
        name = self.own_metric
        ended = (row for row in self.rows if row["status"] in ENDED_WELL)
        rated = [row for row in ended if is_number(row.get(name))]
        sign = 1 if self.about.get("mode", "max") == "max" else -1
        return max(rated, key=lambda row: sign * float(row[name]), default=None)


def read_source(results: Results, sweep: str, metric: str = "") -> Source:
    """The tables of a sweep, as far as every figure needs them.

    Args:
        results: of a store.
        sweep: its name.
        metric: a column of `trials` or of `epochs`; the sweep's own when empty.

    Raises:
        ResultsError: there is no such sweep.
    """
    about = results.sweep_description(sweep)
    metric = metric or about.get("metric", DEFAULT_METRIC)
    return Source(
        sweep=sweep,
        about=about,
        rows=[row for row in results.trials(sweep) if row["status"] not in LEFT],
        metric=metric,
        mode=mode_of(about, metric),
        curves=lambda name: results.curves(sweep, name),
        spans=lambda: _read_spans(results, sweep),
        line_metrics=lambda: _read_metrics(results, sweep),
    )


def check_metric(source: Source) -> None:
    """Refuse a metric that trials do not have.

    Raises:
        ResultsError: names the nearest.
    """
    known = {
        name
        for row in source.rows
        for name, value in row.items()
        if is_number(value) and _measures(name)
    }
    # A sweep without a number yet is no mistake of whoever asks about it.
    _check(source.metric, known | {source.own_metric})


def check_line_metric(source: Source) -> None:
    """Refuse a metric that epochs do not have.

    Raises:
        ResultsError: names the nearest.
    """
    _check(source.metric, source.line_metrics())


def is_number(value: object) -> bool:
    """Whether it can be drawn."""
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)  # type: ignore[arg-type]


def _check(metric: str, known: Sequence[str] | set[str]) -> None:
    if metric not in known:
        fix = suggest_name(metric, known)
        raise ResultsError("--metric", "must be a metric of validation", metric, fix)


def _measures(name: str) -> bool:
    is_about = name.startswith(("config.", "fingerprint.", "versions.", "test."))
    return not is_about and name not in _KEYS


def _read_metrics(results: Results, sweep: str) -> list[str]:
    fields = flatten(results.sql("from epochs limit 0", sweeps=[sweep])).schema
    return [one.name for one in fields if _measures(one.name) and _is_float(one)]


def _is_float(field: Any) -> bool:  # noqa: ANN401 pyarrow has no types
    return str(field.type) in ("float", "double", "halffloat")


def _read_spans(results: Results, sweep: str) -> dict[tuple[str, int], Span]:
    query = """
        select trial, attempt,
            min(epoch(time) - epoch_s) as began, max(epoch(time)) as ended,
            sum(epoch_s)::double as train_s
        from epochs where time is not null and epoch_s is not null group by all"""
    rows = results.sql(query, sweeps=[sweep]).to_pylist()
    return {
        (row["trial"], row["attempt"] or 0): Span(
            row["began"], row["ended"], row["train_s"]
        )
        for row in rows
    }
