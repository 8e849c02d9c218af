"""What a CSV file must keep to where its trials are told apart."""

from collections.abc import Sequence

from raypg.exchange.csv_columns import EPOCH, NAME, Column, first_of
from raypg.exchange.csv_file import Faults, Table


def check_trials(
    columns: Sequence[Column],
    table: Table,
    groups: Sequence[Sequence[int]],
    faults: Faults,
) -> None:
    """Note what makes one trial of two, or two of one.

    Args:
        columns: of the file, with their places.
        table: the file.
        groups: the rows of each trial.
        faults: told of each fault with its line.
    """
    for column in columns:
        if column.is_one_a_trial:
            _check_one_a_trial(column, table, groups, faults)
    _check_names(columns, table, groups, faults)


def _check_one_a_trial(
    column: Column, table: Table, groups: Sequence[Sequence[int]], faults: Faults
) -> None:
    cells, wrong = table.cells[column.own], []
    for group in groups:
        other = [index for index in group if cells[index] != cells[group[0]]]
        wrong += [(table.lines[index], cells[index]) for index in other[:1]]
    fix = "Give each trial a name of its own, in a column trial."
    faults.add_cells(column.own, "must have one value in a trial", wrong, fix)


def _check_names(
    columns: Sequence[Column],
    table: Table,
    groups: Sequence[Sequence[int]],
    faults: Faults,
) -> None:
    """Note trials without a name, or with another's; and epochs that come twice."""
    name, epoch = first_of(columns, NAME), first_of(columns, EPOCH)
    if name is not None:
        cells = table.cells[name.own]
        lines = zip(table.lines, cells, strict=True)
        empty = [(line, "") for line, cell in lines if not cell]
        faults.add_cells(name.own, "must name the trial", empty, "Fill it in.")
        if epoch is None:
            again = _repeated(cells, table.lines)
            fix = "Rename one; rows of epochs need a column epoch."
            faults.add_cells(name.own, "must name a trial once", again, fix)
    if epoch is not None:
        for group in groups:
            own = [table.cells[epoch.own][index] for index in group]
            again = _repeated(own, [table.lines[index] for index in group])
            fix = "Remove one, or name the trials in a column trial."
            faults.add_cells(epoch.own, "must come once in a trial", again, fix)


def _repeated(cells: Sequence[str], lines: Sequence[int]) -> list[tuple[int, str]]:
    seen: set[str] = set()
    again = []
    for line, cell in zip(lines, cells, strict=True):
        if cell and cell in seen:
            again.append((line, cell))
        seen.add(cell)
    return again
