"""The tables of a report, as values: what stands in each cell, and how it sorts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from raypg.results.arms import ENDED_WELL
from raypg.results.figures.source import is_number
from raypg.results.figures.words import shorten
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric
from raypg.results.output import MISSING, format_cell
from raypg.results.show import varying_columns

MOST_ROWS = 1000

_KEY = ("trial", "arm", "seed", "status", "cause")
_MEASURED = (
    "num_epochs",
    "val.accuracy",
    "val.loss",
    "best_epoch",
    "best.val.accuracy",
    "num_parameters",
    "num_flops",
    "train_s",
    "source_sweep",
    "micro_batch",
    "mixed",
)
_SHOWN = 8
"""Digits of a trial's id, as `find_trial` takes them."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: as it is read.
        value: what it sorts by where the text says less; None where it does not.
    """

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table whose columns sort.

    Attributes:
        name: says what it is, to those who do not see it.
        columns: their titles, and whether they hold numbers.
        rows: of as many cells.
        note: what is to be said above it.
        has_filter: whether a field above it filters the rows.
        order: the places of rows, those first that stay where not all have room; empty
            where none is to go.
        total: how many rows there were to be.
        cut: that some texts of it are cut, where some are.
    """

    name: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    has_filter: bool = False
    order: Sequence[int] = ()
    total: int = 0
    cut: str = ""


def plain_table(name: str, rows: Sequence[Mapping[str, Any]], note: str = "") -> Table:
    """A table of rows whose cells are said already.

    Args:
        name: of the table.
        rows: at least one; all with the same keys.
        note: above it.
    """
    titles = [*rows[0]]
    cells = [[Cell(format_cell(row[title])) for title in titles] for row in rows]
    columns = [
        (title, all(_is_numeral(line[place].text) for line in cells))
        for place, title in enumerate(titles)
    ]
    return Table(name, columns, cells, note)


def trials_table(
    rows: Sequence[FlatRow],
    metric: str,
    mode: str,
    axes: Sequence[str],
    *,
    by_arm: bool,
) -> Table:
    """Every trial, in the order in which they were handed out.

    Args:
        rows: of `trials`.
        metric: what they are judged by.
        mode: `max` or `min` of it is best.
        axes: dotted names, without `config.`.
        by_arm: whether arms have names that people know.
    """
    settings = [f"config.{axis}" for axis in axes]
    settings += [name for name in varying_columns(rows) if name not in settings]
    if by_arm:  # which has them in its name
        settings = [n for n in settings if n[7:] not in (*axes, "seed")]
    key = [name for name in _KEY if by_arm or name not in ("arm", "seed")]
    wanted = dict.fromkeys((*key, metric, *settings, *_MEASURED))
    names = [n for n in wanted if any(row.get(n) is not None for row in rows)]
    order = _foremost(rows, metric, mode)
    is_whole = len(rows) <= MOST_ROWS
    shown = rows if is_whole else [rows[place] for place in order[:MOST_ROWS]]
    columns = [(_title(name), _is_number(rows, name)) for name in names]
    table = Table(
        name="Trials",
        columns=columns,
        rows=[[_cell(name, row.get(name)) for name in names] for row in shown],
        has_filter=True,
        order=order if is_whole else range(MOST_ROWS),
        total=len(rows),
    )
    return table if is_whole else fewer_rows(table, MOST_ROWS)


def fewer_rows(table: Table, most: int) -> Table:
    """A table of trials with at most so many rows, the best first."""
    kept = table.order[:most]
    note = f"{len(kept):,} of {table.total:,} trials are listed, the best first."
    rows = [table.rows[place] for place in kept]
    return replace(table, rows=rows, order=range(len(kept)), note=note)


def cut_texts(table: Table, most: int) -> Table:
    """A table whose cells have at most so many characters, both ends of long ones."""
    rows = [
        [replace(cell, text=shorten(cell.text, most)) for cell in row]
        for row in table.rows
    ]
    if rows == table.rows:
        return table
    cut = f"Texts of more than {most} characters are cut in the middle."
    return replace(table, rows=rows, cut=cut)


def _foremost(rows: Sequence[FlatRow], metric: str, mode: str) -> list[int]:
    """The places of all rows: the best of those that ended well first, then others."""
    sign = -1 if mode == "max" else 1

    def rank(place: int) -> tuple[bool, float]:
        row = rows[place]
        is_rated = row["status"] in ENDED_WELL and is_number(row.get(metric))
        return not is_rated, sign * row[metric] if is_rated else 0.0

    return sorted(range(len(rows)), key=rank)


def _title(name: str) -> str:
    return name.removeprefix("config.")


def _is_number(rows: Sequence[FlatRow], name: str) -> bool:
    known = [row[name] for row in rows if row.get(name) is not None]
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in known)


def _cell(name: str, value: Any) -> Cell:  # noqa: ANN401 of any column
    if value is None:
        return Cell(MISSING)
    if name == "trial":
        return Cell(value[:_SHOWN])
    if isinstance(value, float) and "val." in name:
        return Cell(format_metric(value, name), value)
    if name == "train_s":
        return Cell(f"{value:.1f}", value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10_000:
        return Cell(f"{value:,}")
    return Cell(format_cell(value))


def _is_numeral(text: str) -> bool:
    return text == MISSING or text.lstrip("+-<")[:1].isdigit()
