"""Which column of a CSV file goes where, by its name and by what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from raypg.errors import ResultsError
from raypg.exchange.csv_file import Faults, Table, is_missing, is_mostly_numbers
from raypg.exchange.names import (
    SECTIONS,
    config_name,
    is_ours,
    is_stated,
    pick_metric,
    plain_name,
)
from raypg.exchange.old import Asked
from raypg.results.columns import CORE

NAME, EPOCH, TRIALS, EPOCHS, TEST, CONFIG, NOWHERE = (
    "name",
    "epoch",
    "trials",
    "epochs",
    "test_results",
    "config",
    "",
)
"""Where a column may go: the trial's name, an epoch's number, a table, the config."""

_LR = "lr"
"""Either a setting, or what a schedule made of it in an epoch."""

_ONE_A_TRIAL = ("seed", "arm")
"""Columns of `trials` by which a trial is known, as by its config."""


@dataclass(frozen=True)
class Column:
    """A column of the file.

    Attributes:
        own: its name in the file.
        place: where it goes.
        name: its name there; of one that is left out, why.
    """

    own: str
    place: str
    name: str

    @property
    def taken(self) -> str:
        """What it was taken as, for a person."""
        if self.place == NOWHERE:
            return f"left out: {self.name}"
        if self.place == CONFIG:
            return f"config.{self.name}"
        if self.place in (EPOCHS, TEST):
            return f"{self.name} of {self.place}"
        return {NAME: "the trial's name", EPOCH: "the epoch"}.get(self.place, self.name)

    @property
    def is_one_a_trial(self) -> bool:
        """Whether a trial is known by it, so that it must have one value in each."""
        return self.place == CONFIG or self.name in _ONE_A_TRIAL


def has_epochs(table: Table) -> bool:
    """Whether a row is an epoch, and not a trial."""
    return any(plain_name(name) == EPOCH for name in table.header)


def group_rows(table: Table) -> list[list[int]]:
    """The rows of each trial, by their index.

    Rows of epochs belong to the trial that they name. Without a name, a trial begins
    where the epoch does not grow, or where its config, seed or arm changes.
    """
    indices = range(len(table.lines))
    if not has_epochs(table):
        return [[index] for index in indices]
    columns = [known_place(name, has_epochs=True) for name in table.header]
    known = [column for column in columns if column is not None]
    named = [table.cells[c.own] for c in known if c.place == NAME]
    if named:
        groups: dict[str, list[int]] = {}
        for index in indices:
            groups.setdefault(named[0][index], []).append(index)
        return list(groups.values())
    marks = [table.cells[c.own] for c in known if c.is_one_a_trial]
    epochs = next(table.cells[c.own] for c in known if c.place == EPOCH)
    runs: list[list[int]] = []
    for index in indices:
        is_same = runs and all(mark[index] == mark[index - 1] for mark in marks)
        if is_same and _grows(epochs[index - 1], epochs[index]):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def place_columns(
    table: Table, asked: Asked, groups: Sequence[Sequence[int]], faults: Faults
) -> tuple[list[Column], str]:
    """Where each column goes, and which of the tables' columns the metric is.

    Args:
        table: the file.
        asked: the metric, where it is not the default.
        groups: the rows of each trial.
        faults: told where the file has no such metric.
    """
    of_epochs = has_epochs(table)
    columns = [
        known_place(own, has_epochs=of_epochs)
        or _unknown_place(own, table.cells[own], groups, has_epochs=of_epochs)
        for own in table.header
    ]
    rated = {c.own: plain_name(c.own) for c in columns if _may_be_metric(c, table)}
    try:
        metric, own_metric = pick_metric(asked, rated, table.path)
    except ResultsError as fault:
        faults.found.append(fault)
        return columns, ""
    place = EPOCHS if of_epochs else TRIALS
    columns = [
        Column(c.own, place, metric) if c.own == own_metric else c for c in columns
    ]
    return _without_doubles(columns, own_metric), metric


def known_place(own: str, *, has_epochs: bool) -> Column | None:
    """Where a column goes whose name says it; None for any other.

    Args:
        own: its name in the file.
        has_epochs: whether a row is an epoch.
    """
    name = plain_name(own)
    is_dotted = "." in name
    if name == "trial":
        return Column(own, NAME, name)
    if name == EPOCH and has_epochs:
        return Column(own, EPOCH, name)
    if is_ours(name):
        return Column(own, NOWHERE, "it is of raypg's own store")
    if name.startswith("config."):
        return Column(own, CONFIG, config_name(own))
    if name.startswith("test."):
        why = Column(own, NOWHERE, "of the test split, epoch by epoch")
        return why if has_epochs else Column(own, TEST, name)
    if name in CORE["epochs"] and (has_epochs or is_dotted) and name != _LR:
        return Column(own, EPOCHS if has_epochs else TRIALS, name)
    if is_stated(name):
        return Column(own, TRIALS, name)
    if is_dotted and name.split(".")[0] in SECTIONS:
        return Column(own, CONFIG, name)
    return None


def _unknown_place(
    own: str, cells: Sequence[str], groups: Sequence[Sequence[int]], *, has_epochs: bool
) -> Column:
    """What varies within a trial was measured; all else is a setting.

    A name with dots is kept as it is: whoever wrote it has a place for it.
    """
    name = plain_name(own)
    is_varying = has_epochs and any(
        len({cells[index] for index in group}) > 1 for group in groups
    )
    if is_varying and not is_mostly_numbers(cells):
        return Column(own, NOWHERE, "text that changes within a trial")
    if is_varying:
        return Column(own, EPOCHS, name)
    return Column(own, TRIALS if "." in name else CONFIG, name)


def _may_be_metric(column: Column, table: Table) -> bool:
    """Whether trials may be judged by a column: numbers that are no setting by name."""
    is_free = known_place(column.own, has_epochs=has_epochs(table)) is None
    cells = table.cells[column.own]
    has_numbers = is_mostly_numbers(cells) and not all(map(is_missing, cells))
    return column.name.startswith("val.") or (is_free and has_numbers)


def _without_doubles(columns: Sequence[Column], own_metric: str) -> list[Column]:
    """Leave out what has the place of another column; the metric stays."""
    first = sorted(columns, key=lambda column: column.own != own_metric)
    holders: dict[tuple[str, str], str] = {}
    for column in first:
        holders.setdefault((column.place, column.name), column.own)
    kept = []
    for column in columns:
        holder = holders[column.place, column.name]
        is_double = column.place != NOWHERE and holder != column.own
        why = f"{column.name} is {holder}"
        kept.append(Column(column.own, NOWHERE, why) if is_double else column)
    return kept


def _grows(before: str, after: str) -> bool:
    try:
        return float(after) > float(before)
    except ValueError:
        return True


def first_of(columns: Sequence[Column], place: str) -> Column | None:
    """The column that goes to a place, where one does."""
    return next((column for column in columns if column.place == place), None)
