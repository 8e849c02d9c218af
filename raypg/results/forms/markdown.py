"""A table as GitHub's Markdown has it: pipes, and a line that says what is aligned."""

import re
from collections.abc import Sequence

_MARKS = re.compile(r"[\\|`*<>\[\]~$&]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown would take for more than text. An underscore within a word is none."""


def pipe_table(
    header: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[bool]
) -> str:
    """The table, readable as text, too: its columns are padded.

    Args:
        header: names of the columns, at least one.
        lines: a cell a column, without line breaks.
        right: which columns are aligned right.
    """
    rows = [[escape(cell) for cell in line] for line in (header, *lines)]
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    rule = [
        "-" * (width - 1) + ":" if is_right else "-" * width
        for width, is_right in zip(widths, right, strict=True)
    ]
    padded = [
        [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ]
        for row in rows
    ]
    padded.insert(1, rule)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKS.sub(r"\\\g<0>", text)
