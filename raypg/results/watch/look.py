"""A sweep at one instant: its trials, and whether somebody still writes them."""

from collections import Counter
from dataclasses import dataclass

from raypg.results.arms import ENDED_WELL
from raypg.results.columns import ENDED, LEFT
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric
from raypg.results.query import Results
from raypg.results.read import read_newest
from raypg.results.schema import flat_rows, flatten
from raypg.results.segments import read_segment
from raypg.store import Store

_COLUMNS = (
    "trial",
    "arm",
    "seed",
    "status",
    "status_reason",
    "cause",
    "source_sweep",
    "num_epochs",
    "number",
    "started",
    "finished",
    "train_s",
)

Progress = dict[str, tuple[int, float | None]]
"""Trial to the epoch that it has reached, and the metric there."""


@dataclass(frozen=True)
class Look:
    """What was seen."""

    sweep: str
    kind: str
    """`ablation` or `search`; `trial` of a single one."""
    metric: str
    mode: str
    planned: int
    """How many trials there are to be."""
    rows: list[FlatRow]
    """Of `trials`, with a few of their columns, in the order of their numbers."""
    is_written: bool | None
    """Whether a process writes the sweep; None where a bucket does not tell."""

    @property
    def counts(self) -> Counter[str]:
        """How many trials have each status."""
        return Counter(row["status"] for row in self.rows)

    @property
    def num_ended(self) -> int:
        """How many trials are over."""
        return sum(row["status"] in ENDED for row in self.rows)

    @property
    def num_unfinished(self) -> int:
        """How many are not, those that never began included."""
        return self.planned - self.num_ended

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: nobody writes the sweep."""
        return self.is_written is False

    @property
    def best(self) -> FlatRow | None:
        """The best trial that ended well, as `ls` counts them."""
        ended = [row for row in self.rows if row["status"] in ENDED_WELL]
        rated = [row for row in ended if row.get(self.metric) is not None]
        pick = min if self.mode == "min" else max
        return pick(rated, key=lambda row: row[self.metric], default=None)

    def describe(self) -> str:
        """How far the sweep is, in a line."""
        parts = [f"{self.sweep}: {self.num_ended} of {self.planned} trials ended"]
        counts = self.counts
        for status in ("running", "cached", "stopped", "failed", "interrupted"):
            if counts[status]:
                parts.append(f"{counts[status]} {status}")
        if (best := self.best) is not None:
            value = format_metric(best[self.metric], self.metric)
            parts.append(f"best {self.metric} {value} ({name_of(best)})")
        if self.is_written is None:
            parts.append("whoever writes it gives no sign (dead, or clocks differ)")
        return ", ".join(parts)


def look_at(results: Results, sweep: str) -> Look:
    """Look at a sweep now.

    Raises:
        ResultsError: There is no such sweep.
    """
    store = results.store
    about = results.sweep_description(sweep)
    metric = about.get("metric", DEFAULT_METRIC)
    # Asked before the rows are read: of a sweep that is over, these are then the last.
    is_written = store.is_being_written(sweep)
    columns = [*_COLUMNS, metric.split(".")[0]]
    rows = flat_rows(read_newest(store, sweep, "trials", columns))
    rows = [row for row in rows if row["status"] not in LEFT]
    return Look(
        sweep=sweep,
        kind=about.get("kind", "?"),
        metric=metric,
        mode=about.get("mode", "max"),
        planned=max(about.get("num_trials") or 0, len(rows)),
        rows=sorted(rows, key=lambda row: row["number"] or 0),
        is_written=is_written,
    )


def read_progress(store: Store, sweep: str, metric: str) -> Progress:
    """The newest epochs of a sweep, by trial, from the end of the table alone.

    All of a table of a million rows would be read again every two seconds. A trial
    whose last epoch lies further back is missing here.

    Args:
        store: where the sweep lives.
        sweep: its name.
        metric: of `trials`; a best one is here that of the epoch.
    """
    folder = f"{sweep}/tables/epochs"
    names = [name for name in store.files(folder) if name.endswith(".arrows")]
    if not names:
        return {}
    try:
        rows = read_segment(store.read(f"{folder}/{names[-1]}")).rows
    except FileNotFoundError:  # compacted meanwhile
        return {}
    if rows is None:
        return {}
    rows, metric = flatten(rows), metric.removeprefix("best.")
    has_metric = metric in rows.column_names
    values = rows[metric].to_pylist() if has_metric else [None] * rows.num_rows
    trials, epochs = rows["trial"].to_pylist(), rows["epoch"].to_pylist()
    pairs = zip(epochs, values, strict=True)
    return dict(zip(trials, pairs, strict=True))


def name_of(row: FlatRow) -> str:
    """A trial as people know it: its arm and its seed."""
    return f"{row['arm']}, seed {row['seed']}"


def describe_end(row: FlatRow, metric: str) -> str:
    """How a trial ended, in a line."""
    line = f"trial {row['number']} ({name_of(row)}): {row['status']}"
    if row["status"] == "failed":
        reason = " ".join(str(row["status_reason"] or "no reason given").split())
        return f"{line} ({row['cause'] or 'code'}): {reason}"
    value = format_metric(row.get(metric), metric)
    line += f", {metric} {value} after {row['num_epochs']} epochs"
    if row["status"] == "cached":
        return f"{line}, from {row['source_sweep']}"
    return line if row["train_s"] is None else f"{line}, {row['train_s']:.1f} s"
