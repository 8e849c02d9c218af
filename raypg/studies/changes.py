"""What trained a trial, and what differs between then and this machine."""

from collections.abc import Mapping
from typing import Any

from raypg.config import fingerprint
from raypg.entries import config_of
from raypg.memo import changed_parts
from raypg.patches import CHANGES, read_left_out
from raypg.processor import processor_name
from raypg.provenance import provenance
from raypg.results import Results
from raypg.results.wording import describe_code

Row = Mapping[str, Any]

_VERSIONS = ("versions.python", "versions.torch", "versions.cuda", "git.commit")


def find_changes(results: Results, row: Row) -> list[str]:
    """What differs between a trial's past and this machine, one line each.

    Args:
        results: of the store that has it.
        row: of `trials`.
    """
    config = config_of({**row, "micro_batch": None})  # as it was asked for
    workers = row["num_workers"]
    now = fingerprint(config, device=row["device"], num_workers=workers)
    found = changed_parts(row, now)
    here = {**provenance(), "processor": processor_name(row["device"])}
    for name in (*_VERSIONS, "processor"):
        if row.get(name) is not None and row[name] != here[name]:
            found.append(f"{name} {row[name]} → {here[name]}")
    if row.get("git.dirty"):
        place = _patch_of(results, row)
        kept = f"kept in {results.store.path(place)}" if place else "not kept"
        found.append(f"its code had changes beside its commit ({kept})")
    return found


def find_code(results: Results, row: Row) -> str:
    """What trained a trial, in a line: its commit, its patch, and what that lacks.

    Args:
        results: of the store that has it.
        row: of `trials`.
    """
    place = _patch_of(results, row)
    if not place:
        return describe_code({**row, "git.diff": None})
    patch = results.store.path(place)
    lacks = ", ".join(read_left_out(results.store.read(place)))
    without = f" (without {lacks})" if lacks else ""
    return describe_code({**row, "git.diff": patch}) + without


def find_both_codes(results: Results, row: Row) -> str:
    """What began a trial that went on under changed code, and what ended it."""
    rows = results.trials(row["sweep"])
    began = next((one for one in rows if one["trial"] == row.get("began_as")), None)
    last = f"ended by {find_code(results, row)}"
    return f"begun by {find_code(results, began)}, {last}" if began else last


def _patch_of(results: Results, row: Row) -> str:
    """The patch that was kept beside a trial's commit; empty where there is none."""
    named = row.get("git.diff")
    if named is None and row.get("git.dirty"):
        named = CHANGES  # of a store from before there was a column
    place = f"{row.get('source_sweep') or row['sweep']}/{named}"
    return place if named and results.store.has_file(place) else ""
