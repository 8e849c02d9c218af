"""One trial beside those that it was chosen from: what a model card is written of."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raypg.errors import ResultsError
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT
from raypg.results.listing import DEFAULT_METRIC, mode_of
from raypg.results.memo import FlatRow
from raypg.results.query import Results
from raypg.results.schema import flat_rows
from raypg.results.statistics import Mean, mean_interval


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A trial of a sweep, and the sweep around it.

    Attributes:
        sweep: its name.
        about: what the sweep is, as it was kept when it started.
        row: of `trials`.
        metric: of validation, that the sweep's trials are judged by.
        is_best: whether it was taken as the best by that metric; else it was named.
        rank: its place among the trials that ended well, from 1; 0 where it is none.
        num_rated: trials that ended well with a value: those it was chosen from.
        num_arms: their configs, seeds aside.
        others: how many trials stopped early, failed or did not end, by status.
        over_seeds: the metric over the seeds of its arm; None where none has a value.
        num_examples: images that validation was on; 0 where nobody kept them.
        num_classes: among their labels.
        test: its row of `test_results`; None where there is none, or nobody asked.
        num_test: images that it was tested on; 0 where nobody kept them.
    """

    sweep: str
    about: Mapping[str, Any]
    row: FlatRow
    metric: str
    is_best: bool
    rank: int
    num_rated: int
    num_arms: int
    others: Mapping[str, int]
    over_seeds: Mean | None
    num_examples: int
    num_classes: int
    test: FlatRow | None
    num_test: int

    @property
    def model_name(self) -> str:
        """Of the architecture, as far as the config says it."""
        return str(self.row.get("config.model.name") or "A model")

    @property
    def data_name(self) -> str:
        """Of the data set, as far as the config says it."""
        return str(self.row.get("config.data.name") or "unknown data")

    @property
    def is_imported(self) -> bool:
        """Whether another tool has trained it."""
        return self.row.get("imported") is not None


def best_trial(
    results: Results, sweep: str, metric: str = "", mode: str = ""
) -> FlatRow:
    """The best trial of a sweep by validation.

    Args:
        results: of the store.
        sweep: its name.
        metric: a column of `trials`; empty: the sweep's own.
        mode: `max` or `min`; empty: as the metric has it.

    Raises:
        ResultsError: there is no such sweep, or no trial that ended well.
    """
    about = results.sweep_description(sweep)
    metric = metric or about.get("metric", DEFAULT_METRIC)
    row = results.best(sweep, metric, mode or mode_of(about, metric))
    if row is None:
        fix = f"See: python -m raypg.results show {sweep}."
        raise ResultsError(sweep, f"must have a trial with {metric}", "none", fix)
    return row


def find_candidate(
    results: Results, sweep: str, trial: str = "", *, with_test: bool = False
) -> Candidate:
    """The best trial of a sweep by validation, or the one that is named.

    Args:
        results: of the store.
        sweep: its name.
        trial: the start of an id; empty: the best one.
        with_test: whether to read its test result, too.

    Raises:
        ResultsError: there is no such sweep or trial, or none that ended well.
    """
    about = results.sweep_description(sweep)
    metric = about.get("metric", DEFAULT_METRIC)
    mode = mode_of(about, metric)
    row = results.find_trial(sweep, trial) if trial else best_trial(results, sweep)
    rows = [one for one in results.trials(sweep) if one["status"] not in LEFT]
    ended = [one for one in rows if one["status"] in ENDED_WELL]
    rated = [one for one in ended if one.get(metric) is not None]
    sign = -1 if mode == "max" else 1
    order = sorted(rated, key=lambda one: sign * one[metric])
    places = [one["trial"] for one in order]
    # By seed: trials of an import that have none may be one and the same.
    of_arm = {one["seed"]: one[metric] for one in rated if one["arm"] == row["arm"]}
    num_examples, num_classes = _count_images(results, sweep, row, "predictions")
    test = _test_of(results, sweep, row) if with_test else None
    return Candidate(
        sweep=sweep,
        about=about,
        row=row,
        metric=metric,
        is_best=not trial,
        rank=places.index(row["trial"]) + 1 if row["trial"] in places else 0,
        num_rated=len(rated),
        num_arms=len({one["arm"] for one in rated}),
        others=Counter(o["status"] for o in rows if o["status"] not in ENDED_WELL),
        over_seeds=mean_interval([*of_arm.values()]) if of_arm else None,
        num_examples=num_examples,
        num_classes=num_classes,
        test=test,
        num_test=_count_images(results, sweep, row, "test_predictions")[0]
        if test
        else 0,
    )


def _count_images(
    results: Results, sweep: str, row: FlatRow, table: str
) -> tuple[int, int]:
    """How many images a trial predicted, and how many classes they have."""
    query = (
        "select count(*) as images, count(distinct label) as classes "
        f"from {table} where trial = '{row['trial']}'"
    )
    (counts,) = flat_rows(results.sql(query, sweeps=[sweep]))
    return counts["images"], counts["classes"]


def _test_of(results: Results, sweep: str, row: FlatRow) -> FlatRow | None:
    query = f"from test_results where trial = '{row['trial']}'"
    return next(iter(flat_rows(results.sql(query, sweeps=[sweep]))), None)
