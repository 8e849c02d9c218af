"""Every flipped bit of a file of a table, and what a reader then makes of it.

    python -m tests.results.flips STORE TABLE FILE BIT...

In a process of its own: damage that a library is handed may kill it.
"""

import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence

from raypg.errors import ResultsError
from raypg.results import parts
from raypg.results.query import open_results
from raypg.results.read import read_newest
from raypg.results.schema import flat_rows
from raypg.store import Store

SWEEP = "depth"


def flip(content: bytes, bit: int) -> bytes:
    """The bytes, of which one is different."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def read_rows(store: Store, table: str, way: str) -> set[str]:
    """The rows of the table in a text each, read anew as in a new process."""
    parts._DAMAGED.clear()
    parts._SAID.clear()
    if way == "sql":
        rows = open_results(store).sql(f"from {table}", sweeps=[SWEEP])
    else:
        rows = read_newest(store, SWEEP, table)
    return {json.dumps(row, default=str) for row in flat_rows(rows)}


def outcome(store: Store, table: str, way: str, right: set[str], name: str) -> str:
    """What a reader gets: `whole`, `said` (a part of it), `refused`, or a fault."""
    err = io.StringIO()
    try:
        with contextlib.redirect_stderr(err):
            rows = read_rows(store, table, way)
    except ResultsError as error:
        return "refused" if name in str(error) else f"misled: {error}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if rows - right:
        return "other values"
    is_said = sum(name in line for line in err.getvalue().splitlines()) == 1
    if rows == right:
        return "whole" if not err.getvalue() else "whole, said"
    return f"said, {len(rows)} left" if is_said else "silent"


def main(arguments: Sequence[str]) -> None:
    """Print how many flips had which outcome."""
    uri, table, name, *bits = arguments
    store = Store(uri)
    path = f"{SWEEP}/tables/{table}/{name}"
    content = store.read(path)
    right = read_rows(store, table, "table")
    found: Counter[str] = Counter()
    for bit in map(int, bits):
        for way in ("sql", "table"):
            # Another file each time: one that is mapped must not change.
            store.write_whole(path, flip(content, bit))
            found[outcome(store, table, way, right, name)] += 1
    store.write_whole(path, content)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
