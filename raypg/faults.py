"""How a fault shows a value, and how many faults become one error."""

import json
from collections.abc import Sequence
from typing import TypeVar

from raypg.errors import RaypgError

_E = TypeVar("_E", bound=RaypgError)
_LONGEST = 60


def format_value(value: object) -> str:
    """A value as one would type it on the command line: `true`, `0.5`, `[0.5,0.75]`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(format_value, value)) + "]"
    return "null" if value is None else str(value)


def quote_value(value: object) -> str:
    """A value as an error shows it: text in quotes, the rest as it is, not too long."""
    text = format_value(value)
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) else text


def join_errors(errors: Sequence[_E]) -> _E:
    """One error for all: the first in full, then each other one on its own line."""
    first, *others = errors
    where, rule, found, fix = first.args
    lines = [fix, *dict.fromkeys(str(e) for e in others if str(e) != str(first))]
    return type(first)(where, rule, found, "\n".join(lines))
