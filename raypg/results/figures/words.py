"""What captions and labels of figures have in common."""

from collections import Counter
from collections.abc import Iterable, Sequence

from raypg.results.figures.source import Source
from raypg.results.memo import FlatRow
from raypg.results.metric import rule_of
from raypg.results.numerals import is_ratio
from raypg.results.output import format_cell

INTERVAL = "95 % t-interval of the mean over seeds"
SAID = {"stopped": "stopped early"}
"""What a status is called where it is not called by itself."""

MOST_CHARACTERS = 44
MOST_SAID = 120
"""Characters of a label that says more than a legend has room for."""


def plural(number: int, word: str) -> str:
    """`1 trial`, `2 trials`, `2 processes`."""
    ending = "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{'' if number == 1 else ending}"


def describe_statuses(rows: Iterable[FlatRow]) -> str:
    """`12 trials (11 completed, 1 failed)`."""
    counts = Counter(row["status"] for row in rows)
    told = ", ".join(f"{n:,} {SAID.get(s, s)}" for s, n in counts.most_common())
    total = plural(counts.total(), "trial")
    return f"{total} ({told})" if told else total


def describe_rule(source: Source) -> str:
    """Which epoch's value a column of `trials` holds; nothing of what has no epoch."""
    is_metric = ".loss" in source.metric or ".accuracy" in source.metric
    return f" {source.metric}: of {rule_of(source.metric)}." if is_metric else ""


def describe_seeds(counts: Iterable[int]) -> str:
    """`3 seeds`, or `2 to 3 seeds` where arms differ."""
    known = [*counts]
    low, high = min(known, default=0), max(known, default=0)
    return plural(high, "seed") if low == high else f"{low} to {high} seeds"


def describe_left_out(source: Source) -> str:
    """How many trials are in no mean, since they did not end well."""
    rated = {row["trial"] for row in source.rated}
    others = [row for row in source.rows if row["trial"] not in rated]
    if not others:
        return ""
    return f" Not among them: {describe_statuses(others)}."


def trial_label(row: FlatRow) -> str:
    """A trial as a person tells it from another one."""
    return str(row["trial"])[:8]


def settings(row: FlatRow, axes: Sequence[str]) -> str:
    """A trial's values of some axes: `model.depth=22 optimizer.lr=0.1`."""
    values = ((axis, row.get(f"config.{axis}")) for axis in axes)
    return " ".join(f"{a}={format_cell(v)}" for a, v in values if v is not None)


def shorten(text: str, most: int = MOST_CHARACTERS) -> str:
    """A name that fits: both ends of a long one, as many differ at their ends alone.

    Args:
        text: any.
        most: characters; those of a legend unless it is given.
    """
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"


def ending_of(row: FlatRow) -> str:
    """How far a trial came: `stopped early after 3 epochs`."""
    status = SAID.get(row["status"], row["status"])
    return f"{status} after {plural(row['num_epochs'] or 0, 'epoch')}"


def percent(share: float) -> str:
    """`91.2 %`."""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """`31.2 s`, `12.3 min`, `3.4 h`."""
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def describe_cut(highs: Iterable[float | None], metric: str) -> str:
    """That an interval reaches beyond what a ratio can be, where one does."""
    if is_ratio(metric) and any(high is not None and high > 1 for high in highs):
        return " The axis ends at 100 %, an interval by t need not."
    return ""
