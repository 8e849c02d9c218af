"""Rows in the form that is asked for; results go to stdout, and only results."""

import csv
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from raypg.results.forms.binary import BINARY, print_binary, table_of
from raypg.results.forms.latex import tabular
from raypg.results.forms.markdown import pipe_table
from raypg.results.schema import flat_rows

Rows = Sequence[Mapping[str, Any]]
MISSING = "-"


class Written(str):
    """A number that is written already, such as `97.22 ± 2.66`; aligned as numbers."""

    __slots__ = ()


def print_rows(rows: Rows, columns: Sequence[str], form: str) -> None:
    """Print rows in the form asked for.

    Args:
        rows: flat, dotted names to values.
        columns: their names in order; printed even when there is no row.
        form: one of `FORMATS`, or of `BINARY`, which no terminal is shown.
    """
    if form in BINARY:
        print_binary(table_of(rows, columns), form)
    else:
        FORMATS[form](rows, columns)


def print_arrow(table: pa.Table, form: str) -> None:
    """Print a flat Arrow table in the form asked for; binary ones keep its types."""
    if form in BINARY:
        print_binary(table, form)
    else:
        FORMATS[form](flat_rows(table), table.column_names)


def print_table(rows: Rows, columns: Sequence[str]) -> None:
    """Columns that fit a terminal; on a pipe plain ones, never cut."""
    cells, right = _cells(rows, columns)
    if not sys.stdout.isatty():
        _print_plain([list(columns), *cells], right)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, is_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if is_right else "left", overflow="fold")
    for line in cells:
        table.add_row(*line)
    # No markup: a cell may hold brackets of its own. Rich itself heeds NO_COLOR.
    Console(markup=False, highlight=False).print(table)


def print_json(rows: Rows, columns: Sequence[str]) -> None:
    """A list of objects with dotted keys; a missing value is null.

    JSON has no NaN: it is the text "NaN", as infinity is "Infinity", which is what
    `float` takes, in Python and in others.
    """
    own = [{name: _plain(row.get(name)) for name in columns} for row in rows]
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in own]
    print("[" + ",\n ".join(lines) + "]")


def print_csv(rows: Rows, columns: Sequence[str]) -> None:
    """A header of dotted names; a missing value is an empty cell, a NaN is `nan`."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in columns])


def print_markdown(rows: Rows, columns: Sequence[str]) -> None:
    """A table of GitHub's Markdown."""
    print(pipe_table(columns, *_cells(rows, columns)))


def print_latex(rows: Rows, columns: Sequence[str]) -> None:
    """A LaTeX table with rules of booktabs, numbers to the right."""
    print(tabular(columns, *_cells(rows, columns)))


FORMATS: dict[str, Callable[[Rows, Sequence[str]], None]] = {
    "table": print_table,
    "json": print_json,
    "csv": print_csv,
    "markdown": print_markdown,
    "latex": print_latex,
}


def format_cell(value: object) -> str:
    """A value for reading: five digits, seconds of a time, a dash where it misses."""
    value = float(value) if isinstance(value, Decimal) else value
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return "[" + ", ".join(map(format_cell, value)) + "]"
    return " ".join(str(value).split())


def _cells(rows: Rows, columns: Sequence[str]) -> tuple[list[list[str]], list[bool]]:
    """The cells for reading, and which columns are of numbers."""
    cells = [[format_cell(row.get(name)) for name in columns] for row in rows]
    return cells, [_is_numeric(rows, name) for name in columns]


def _print_plain(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_numeric(rows: Rows, name: str) -> bool:
    values = [row.get(name) for row in rows]
    return all(isinstance(v, int | float | Decimal | Written | None) for v in values)


def _plain(value: object) -> object:
    value = float(value) if isinstance(value, Decimal) else value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _csv_cell(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    plain = _plain(value)
    if isinstance(plain, bool):
        return str(plain).lower()
    return json.dumps(plain) if isinstance(plain, list | dict) else plain
