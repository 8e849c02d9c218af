"""Where a sweep's numbers come from: its config, code, machines and commands."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from raypg.results.answer import Summary
from raypg.results.figures.source import Source, is_number
from raypg.results.figures.words import plural
from raypg.results.listing import PROGRAMS
from raypg.results.output import format_cell
from raypg.results.wording import describe_changes, describe_code

_MOST_VALUES = 8
_RUNS_IN = {
    "node": "node",
    "device": "device",
    "fingerprint.device": "device type",
    "num_workers": "workers a trial",
    "num_threads": "threads a worker",
}

Facts = Sequence[tuple[str, str]]
"""Names and what they are."""


def varies(source: Source) -> Iterator[tuple[str, str]]:
    """The axes, and the values that trials have of each."""
    for axis in source.axes:
        yield axis, _told(row.get(f"config.{axis}") for row in source.rows)
    seeds = {row["seed"] for row in source.rows}
    if len(seeds) > 1:
        yield "seed", _told(seeds)


def fixed(source: Source) -> Iterator[tuple[str, str]]:
    """The settings that all trials share; as planned where there is no trial yet."""
    planned = {f"config.{k}": v for k, v in source.about.get("config", {}).items()}
    first: Mapping[str, Any] = source.rows[0] if source.rows else planned
    axes = {f"config.{axis}" for axis in source.axes}
    for name in first:
        if not name.startswith("config.") or name in axes:
            continue
        values = {format_cell(row.get(name)) for row in source.rows or [planned]}
        if len(values) == 1 and first[name] is not None:
            yield name.removeprefix("config."), values.pop()


def environment(source: Source) -> Iterator[tuple[str, str]]:
    """Versions, commit, machines; all values where trials differ in one."""
    rows: Sequence[Mapping[str, Any]] = source.rows or [source.about]
    names = {name for row in rows for name in row if name.startswith("versions.")}
    for name in sorted(names):
        yield name.removeprefix("versions."), _told(row.get(name) for row in rows)
    yield (
        "git commit",
        _told((row.get("git.commit") or "")[:12] or None for row in rows),
    )
    dirty = Counter(row.get("git.dirty") for row in rows)
    if dirty[True]:
        num = plural(dirty[True], "trial")
        yield "code", f"had changes that are in no commit ({num})"
    elif dirty[False]:
        yield "code", "as committed"
    for name, title in _RUNS_IN.items():
        if any(row.get(name) is not None for row in rows):
            yield title, _told(row.get(name) for row in rows)
    for change in source.about.get("changes", ()):
        parts = {name: (e["from"], e["to"]) for name, e in change["parts"].items()}
        when = format_cell(datetime.fromisoformat(change["when"]))
        since = f"; since then {describe_code(change)}" * ("git.commit" in change)
        yield f"changed {when}", describe_changes(parts) + since


def commands(
    source: Source, summary: Summary, store: str, *, is_over: bool
) -> Iterator[tuple[str, str]]:
    """What each does, and the command.

    Args:
        source: of the sweep.
        summary: its answer.
        store: the option that names the store.
        is_over: whether nothing is left of it to train.
    """
    kind = source.about.get("kind")
    program = f"python -m raypg.{PROGRAMS.get(str(kind), 'tune')}"
    if command := source.about.get("command"):
        yield "It was started with", f"{program} {shlex.join(command)}"
        fresh = [] if kind == "path" else ["--fresh"]
        again = shlex.join([*_without_name(command), *fresh])
        yield "To repeat it, trained anew", f"{_checkout(source)}{program} {again}"
    if not is_over:
        program = program.replace("raypg.results", "raypg.tune")
        yield "To go on with it", f"{program} --resume {source.sweep} {store}"
    if summary.rows:
        yield "To ask further", summary.query_command
    again = f"python -m raypg.results report {source.sweep} {store}"
    yield "To make this page again", again


def _without_name(command: Sequence[str]) -> list[str]:
    """The arguments but for the name, which is taken, and for `--fresh`."""
    kept = []
    for before, word in zip(["", *command], command, strict=False):
        is_name = word == "--name" or before == "--name" or word.startswith("--name=")
        if not is_name and word != "--fresh":
            kept.append(word)
    return kept


def _checkout(source: Source) -> str:
    """The line that brings the code back, where one commit has all of it."""
    rows: Sequence[Mapping[str, Any]] = source.rows or [source.about]
    states = {(row.get("git.commit"), row.get("git.dirty")) for row in rows}
    commit, is_dirty = states.pop()
    if states or commit is None or is_dirty:
        return ""
    return f"git checkout {commit}\n"


def _told(values: Iterable[Any]) -> str:
    """Distinct values, or how many and between which, with what is missing left out."""
    known = {format_cell(value): value for value in values if value is not None}
    told = [*known]
    if all(map(is_number, known.values())):
        told.sort(key=known.__getitem__)
        if len(told) > _MOST_VALUES:
            return f"{len(told)} values from {told[0]} to {told[-1]}"
    more = len(told) - _MOST_VALUES
    also = f" and {more} more" if more > 0 else ""
    return f"{', '.join(told[:_MOST_VALUES])}{also}" or "not known"
