"""A CSV file with a row a trial, or a row an epoch where it has a column `epoch`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raypg.exchange.csv_checks import check_trials
from raypg.exchange.csv_columns import (
    CONFIG,
    EPOCH,
    EPOCHS,
    NAME,
    NOWHERE,
    TEST,
    TRIALS,
    Column,
    first_of,
    group_rows,
    place_columns,
)
from raypg.exchange.csv_file import (
    Faults,
    Table,
    is_missing,
    is_mostly_numbers,
    read_table,
    to_kind,
    to_settings,
)
from raypg.exchange.names import count_from_one
from raypg.exchange.old import STATUSES, Asked, OldSweep, OldTrial
from raypg.results.columns import CORE, LEFT

_RULES = {
    "int": "must hold whole numbers",
    "bool": "must hold true or false",
    "time": "must hold times in ISO 8601, or seconds since 1970",
}
"""Of a column of a type, by the first letters of its name; all others hold numbers."""

Values = Mapping[str, Sequence[Any]]
"""Of each column by its name in the file, one a row."""


def import_csv(asked: Asked) -> OldSweep:
    """Read a CSV file.

    Args:
        asked: the file; its metric where that is not `val.accuracy` or `val.loss`.

    Raises:
        ResultsError: something in it is wrong; names every fault with its line.
    """
    faults = Faults(asked.path)
    table = read_table(asked.path, faults)
    groups = group_rows(table)
    columns, metric = place_columns(table, asked, groups, faults)
    values = {c.own: _values(c, table, faults) for c in columns if c.place != NOWHERE}
    check_trials(columns, table, groups, faults)
    faults.check()
    mode = asked.mode_of(metric)
    kept, notes = _left_behind(columns, table, groups)
    shift = 0
    if epoch := first_of(columns, EPOCH):
        numbers = [[values[epoch.own][index] for index in group] for group in kept]
        shift = count_from_one(numbers)
        notes += ["epochs are counted from 0: epoch 0 is epoch 1"] * shift
        if first_of(columns, NAME) is None:
            notes.append("no column names the trial: one begins where the epoch does")
    taken = {column.own: column.taken for column in columns}
    for column in columns:
        if column.name == metric and column.place != NOWHERE:
            taken[column.own] += f" (the metric, {mode})"
    return OldSweep(
        source=Path(asked.path).name,
        metric=metric,
        mode=mode,
        trials=[_old_trial(columns, table, values, group, shift) for group in kept],
        taken=taken,
        notes=notes,
    )


def is_csv(path: str) -> bool:
    """Whether a path looks like a CSV file."""
    return path.lower().endswith(".csv") and Path(path).is_file()


def _values(column: Column, table: Table, faults: Faults) -> list[Any]:
    """The values of a column; cells of another type are noted as faults."""
    cells = table.cells[column.own]
    if column.place == NAME:
        return list(cells)
    if column.place == CONFIG:
        return to_settings(cells)
    if column.name == "status":
        return _parse(column, table, faults, _to_status, "must hold statuses")
    kind = "int32" if column.place == EPOCH else _kind(column, cells)
    rule = next(
        (r for k, r in _RULES.items() if kind.startswith(k)), "must hold numbers"
    )
    values = _parse(column, table, faults, lambda text: to_kind(kind, text), rule)
    if column.place == EPOCH:
        rows = zip(table.lines, cells, strict=True)
        missing = [(line, text) for line, text in rows if is_missing(text)]
        faults.add_cells(column.own, "must hold whole numbers", missing, "Fill it in.")
    return values


def _kind(column: Column, cells: Sequence[str]) -> str:
    """Arrow's name of a column's type: the tables' own, or by what it holds."""
    table = (
        EPOCHS if column.place == EPOCHS else TEST if column.place == TEST else TRIALS
    )
    if column.name in CORE[table]:
        return str(CORE[table][column.name])
    is_number = column.name.startswith("val.") or is_mostly_numbers(cells)
    return "double" if column.place == EPOCHS or is_number else "string"


def _parse(
    column: Column,
    table: Table,
    faults: Faults,
    convert: Callable[[str], Any],
    rule: str,
) -> list[Any]:
    values, wrong = [], []
    for line, text in zip(table.lines, table.cells[column.own], strict=True):
        try:
            values.append(convert(text))
        except (ValueError, OverflowError):
            values.append(None)
            wrong.append((line, text))
    fix = "Mend it, or leave the cell empty."
    if column.name == "status":
        fix = f"Known: {', '.join(sorted(STATUSES))}."
    faults.add_cells(column.own, rule, wrong, fix)
    return values


def _to_status(text: str) -> str:
    """The tables' word for a status; a trial without one has ended."""
    known = STATUSES.get(text.lower()) if text else "completed"
    if text in LEFT:
        return text
    if known is None:
        raise ValueError(text)
    return known


def _left_behind(
    columns: Sequence[Column], table: Table, groups: Sequence[Sequence[int]]
) -> tuple[list[Sequence[int]], list[str]]:
    """The trials that count, and a note on those that went on as others."""
    status = next((c for c in columns if c.name == "status"), None)
    if status is None:
        return list(groups), []
    cells = table.cells[status.own]
    kept = [group for group in groups if cells[group[-1]] not in LEFT]
    if len(kept) == len(groups):
        return kept, []
    gone = len(groups) - len(kept)
    return kept, [f"{gone} trials that went on as others are left out"]


def _old_trial(
    columns: Sequence[Column],
    table: Table,
    values: Values,
    group: Sequence[int],
    shift: int,
) -> OldTrial:
    last = group[-1]
    found = {
        place: {c.name: values[c.own][last] for c in columns if c.place == place}
        for place in (NAME, CONFIG, TRIALS, TEST)
    }
    name, stated = found[NAME].get("trial"), found[TRIALS]
    has_test = any(value is not None for value in found[TEST].values())
    return OldTrial(
        name=str(name or f"line {table.lines[group[0]]}"),
        status=stated.pop("status", None) or "completed",
        config=found[CONFIG],
        epochs=list(_epochs(columns, values, group, shift)),
        columns={n: v for n, v in stated.items() if v is not None},
        test=found[TEST] if has_test else {},
    )


def _epochs(
    columns: Sequence[Column], values: Values, group: Sequence[int], shift: int
) -> Iterator[dict[str, Any]]:
    epoch = first_of(columns, EPOCH)
    if epoch is None:
        return
    for index in sorted(group, key=lambda index: values[epoch.own][index]):
        row = {c.name: values[c.own][index] for c in columns if c.place == EPOCHS}
        kept = {name: value for name, value in row.items() if value is not None}
        yield {"epoch": values[epoch.own][index] + shift, **kept}
