"""What a row of the table reached, and how it is printed.

A row may stand alone, without a peer: then ratio and interval are None.

A goal is clauses with commas between them: `<= 1.1` and `>= 30` bound the ratio, `ours
<= 50 ms` bounds our own number. The 95 % interval must be inside, not the median alone.
"""

import re
from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

_CLAUSE = re.compile(r"(ours )?(<=|>=) ([\d.]+)( \w+)?")


def is_reached(row: Row) -> bool | None:
    """Whether every clause of the row's goal holds; None where it has no goal."""
    if not row["goal"] or row["goal"].startswith("no goal"):
        return None
    return all(_holds(row, clause) for clause in row["goal"].split(", "))


def _holds(row: Row, clause: str) -> bool:
    match = _CLAUSE.fullmatch(clause)
    assert match, f"{row['name']}: no goal is written like {clause!r}"
    own, sign, limit, _ = match.groups()
    if own:
        low, high = row.get("ours_low", row["ours"]), row.get("ours_high", row["ours"])
    else:
        low, high = row["interval_low"], row["interval_high"]
    return bool(high <= float(limit) if sign == "<=" else low >= float(limit))


def shown(row: Row) -> list[str]:
    """The row's cells: what, ours, peer, ratio, its interval, the goal."""
    low, high = _short(row["interval_low"]), _short(row["interval_high"])
    return [
        row["name"],
        f"{_short(row['ours'])} {row['unit']}",
        "" if row["peer"] is None else f"{_short(row['peer'])} {row['unit']}",
        _short(row["ratio"]),
        f"{low} to {high}" if low else "",
        row["goal"],
    ]


def _short(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def lone_row(
    name: str, ours: float, unit: str, *, goal: str = "", note: str = ""
) -> dict[str, object]:
    """A row without a peer, and without an interval."""
    nothing = dict.fromkeys(("peer", "ratio", "interval_low", "interval_high"))
    own = {"name": name, "ours": ours, "unit": unit, "goal": goal, "note": note}
    return {**own, **nothing}
