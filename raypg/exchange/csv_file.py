"""A CSV file: its header, its rows with their lines, and cells that become values."""

import csv
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raypg.errors import ResultsError
from raypg.faults import join_errors, quote_value

MOST_SHOWN = 5
"""Faults of one kind that are shown, each with its line."""

_MISSING = ("", "nan", "none", "null", "na", "n/a", "-")
"""What stands for no number, in small letters."""

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True)
class Table:
    """What a CSV file says.

    Attributes:
        path: of the file.
        header: the names of the columns.
        lines: the number of each row's line.
        cells: of each column, one a row, without the blanks around them.
    """

    path: str
    header: Sequence[str]
    lines: Sequence[int]
    cells: dict[str, list[str]]


@dataclass
class Faults:
    """What is wrong with a file, gathered to be told at once."""

    path: str
    found: list[ResultsError] = field(default_factory=list)

    def add(self, line: int, rule: str, found: str, fix: str) -> None:
        """Note a fault of a line; 0 is the file's own."""
        where = f"{self.path}:{line}" if line else self.path
        self.found.append(ResultsError(where, rule, found, fix))

    def add_cells(
        self, column: str, rule: str, cells: Sequence[tuple[int, str]], fix: str
    ) -> None:
        """Note the cells of one column that break one rule, the first of them by line.

        Args:
            column: its name.
            rule: that they break.
            cells: line and text of each.
            fix: what to do.
        """
        for line, text in cells[:MOST_SHOWN]:
            self.add(line, f'"{column}" {rule}', quote_value(text), fix)
        if len(cells) > MOST_SHOWN:
            lines = f"{len(cells) - MOST_SHOWN} more lines"
            self.add(0, f'"{column}" {rule}', lines, fix)

    def check(self) -> None:
        """Raise them all as one.

        Raises:
            ResultsError: there is one.
        """
        if self.found:
            raise join_errors(self.found)


def read_table(path: str, faults: Faults) -> Table:
    """Read a CSV file; rows that do not fit its header are noted, and left out.

    Raises:
        ResultsError: it is no CSV file with a header.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, row) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        found = getattr(cause, "strerror", None) or str(cause)
        fix = "Name a CSV file in UTF-8, with a comma between cells."
        raise ResultsError(path, "must be a CSV file", found.lower(), fix) from cause
    _check_header(header, faults)
    whole = [(line, row) for line, row in rows if len(row) == len(header)]
    ragged = [(n, f"{len(row)} cells") for n, row in rows if len(row) != len(header)]
    for line, told in ragged[:MOST_SHOWN]:
        rule = f"must have the {len(header)} cells of the header"
        faults.add(line, rule, told, "Quote cells that hold a comma.")
    if len(ragged) > MOST_SHOWN:
        told = f"{len(ragged) - MOST_SHOWN} more rows that do not"
        faults.add(0, "rows must fit the header", told, "Mend them.")
    cells = {
        name: [row[index].strip() for _, row in whole]
        for index, name in enumerate(header)
    }
    return Table(path, header, [line for line, _ in whole], cells)


def _check_header(header: Sequence[str], faults: Faults) -> None:
    if not header:
        fix = "The first line names the columns."
        faults.add(0, "must have a header", "an empty file", fix)
    for number, name in enumerate(header, start=1):
        if not name:
            found, fix = f"column {number} without one", "Name it, or remove it."
            faults.add(1, "must name every column", found, fix)
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        faults.add(1, "must name a column once", f'"{name}" twice', "Rename one.")


def is_missing(text: str) -> bool:
    """Whether a cell of a column of numbers holds none."""
    return text.lower() in _MISSING


def to_number(text: str) -> float | None:
    """The number in a cell; None where there is none, or no finite one.

    Raises:
        ValueError: it is text.
    """
    if is_missing(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def to_kind(kind: str, text: str) -> Any:  # noqa: ANN401 a cell
    """The value in a cell of a column whose type is known; None where it is missing.

    Args:
        kind: Arrow's name of the type.
        text: of the cell.

    Raises:
        ValueError: it is of another type.
    """
    if kind == "string":
        return text or None
    if is_missing(text):
        return None
    if kind == "bool":
        if text.lower() not in _FLAGS:
            raise ValueError(text)
        return _FLAGS[text.lower()]
    if kind.startswith("timestamp"):
        return _to_moment(text)
    number = to_number(text)
    if kind.startswith("int") and number is not None:
        if number != int(number):
            raise ValueError(text)
        return int(number)
    return number


def to_settings(texts: Sequence[str]) -> list[Any]:
    """The values of a column of settings, of the one type that holds them all.

    Whole numbers, numbers, flags, lists of numbers, or else text; an empty cell is
    nothing.
    """
    given = [text for text in texts if text]
    if all(_WHOLE.fullmatch(text) for text in given):
        return [int(text) if text else None for text in texts]
    if all(_is_number(text) for text in given):
        return [to_number(text) for text in texts]
    if all(text.lower() in _FLAGS for text in given):
        return [_FLAGS[text.lower()] if text else None for text in texts]
    lists = {text: _to_list(text) for text in given}
    if None not in lists.values():
        return [lists.get(text) for text in texts]
    return [text or None for text in texts]


def is_mostly_numbers(texts: Sequence[str]) -> bool:
    """Whether half of the cells that hold something hold numbers."""
    given = [text for text in texts if not is_missing(text)]
    return 2 * sum(map(_is_number, given)) >= len(given)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    # 007 is a name, and 1_000 is Python's alone.
    return "_" not in text and not re.match(r"[+-]?0\d", text)


def _to_list(text: str) -> list[float] | None:
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    is_plain = all(isinstance(item, int | float) for item in found)
    return [float(item) for item in found] if is_plain else None


def _to_moment(text: str) -> datetime:
    """A time in ISO 8601, of this machine's zone unless it says its own, or seconds."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        return datetime.fromisoformat(text).astimezone(UTC)
