"""What is wrong with a query, in one line that names the nearest right name."""

import difflib
import re
from collections.abc import Collection, Mapping

import pyarrow as pa

from raypg.errors import ResultsError, suggest_name
from raypg.results.schema import leaves

_MISSING_COLUMN = re.compile(
    r'(?:Referenced (?:column|table)|Could not find key|have a column named) "([^"]+)"'
)
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")


def explain_error(
    message: str, views: Collection[str], known: Mapping[str, pa.Schema]
) -> ResultsError:
    """DuckDB's message as an error of ours.

    Args:
        message: what DuckDB said, on several lines.
        views: the tables there are.
        known: the schemas of the tables that the query mentions.
    """
    if found := _MISSING_TABLE.search(message):
        name = found[1]
        fix = suggest_name(name, views)
        return ResultsError("sql", "must read the tables of the store", name, fix)
    if found := _MISSING_COLUMN.search(message):
        names = [name for schema in known.values() for name in leaves(schema)]
        tables = " or ".join(sorted(known)) or "the query's tables"
        rule = f"must name columns of {tables}"
        return ResultsError("sql", rule, f'"{found[1]}"', _nearest(found[1], names))
    # The lines behind the first show the query again, with a caret.
    kind, _, text = message.split("\n")[0].partition(": ")
    rule, fix = "must be one statement that only reads", 'Try "select * from trials".'
    return ResultsError("sql", rule, (text or kind).rstrip(".!"), fix)


def _nearest(name: str, known: Collection[str]) -> str:
    """The dotted names with the nearest segment: `accuracy` is in two of them."""
    by_segment: dict[str, list[str]] = {}
    for dotted in dict.fromkeys(known):
        for segment in dotted.split("."):
            by_segment.setdefault(segment.lower(), []).append(dotted)
    near = difflib.get_close_matches(name.lower(), by_segment, n=1, cutoff=0.6)
    if not near:
        return (
            "Known: " + ", ".join(dict.fromkeys(n.split(".")[0] for n in known)) + "."
        )
    nearest = by_segment[near[0]]
    more = ", …" if len(nearest) > 3 else ""
    return f"Did you mean {' or '.join(nearest[:3])}{more}?"
