"""One sweep on a page: what it is, its answer, its trials, and what went wrong."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT
from raypg.results.failures import group_failures, print_failures
from raypg.results.front import own_objectives
from raypg.results.listing import PROGRAMS, read_line
from raypg.results.memo import FlatRow
from raypg.results.output import format_cell, print_table
from raypg.results.query import Results
from raypg.results.readable import print_answer
from raypg.results.searched import describe_searched
from raypg.results.wording import describe_changes, describe_code

_EPOCHS = "train.epochs"
_COLUMNS = (
    "trial",
    "arm",
    "seed",
    "status",
    "cause",
    "micro_batch",
    "num_epochs",
    "val.accuracy",
    "val.loss",
)


def print_sweep(results: Results, sweep: str) -> None:
    """Print a sweep for reading."""
    about = results.sweep_description(sweep)
    line = read_line(results.store, sweep)
    rows = [row for row in results.trials(sweep) if row["status"] not in LEFT]
    print(f"{sweep}: {line.kind}, {line.state}, started {format_cell(line.started)}")
    if question := str(about.get("question", "")).strip():
        print(f"question: {question.splitlines()[0]}")
    if source := about.get("source"):
        print(f"imported: from {source}")
    if command := about.get("command"):
        program = PROGRAMS.get(line.kind, "tune")
        print(f"command: python -m raypg.{program} {shlex.join(command)}")
    print(
        f"trials: {line.trials} ({line.completed} completed, {line.cached} cached, "
        f"{line.stopped} stopped early, {line.failed} failed, "
        f"{line.unfinished} unfinished)"
    )
    if searched := describe_searched(about, rows):
        print(searched)
    _print_changes(about, rows)
    print()
    varying = [name for name in varying_columns(rows) if name != "config.seed"]
    goals = [one.name for one in own_objectives(about)]
    further = [name for name in goals if name not in (*_COLUMNS, "train_s")]
    columns = [
        name
        for name in (*_COLUMNS, *further, *varying, "compile_s", "train_s")
        if _has_any(rows, name)
    ]
    if rows:
        print_table(rows, columns)
        print()
    # A single trial is no sweep: what failed of it is trained anew. What another tool
    # has run is that tool's to run again.
    again = f"python -m raypg.tune --resume {sweep} {results.store.option}"
    retry = "" if line.kind in ("trial", "import") else f"{again} --retry-failed"
    print_failures(group_failures(rows), retry)
    print_answer(results, sweep)


def varying_columns(rows: Sequence[FlatRow]) -> list[str]:
    """The config columns in which the trials differ."""
    names = [name for name in (rows[0] if rows else {}) if name.startswith("config.")]
    return [name for name in names if len({repr(row[name]) for row in rows}) > 1]


def trial_facts(row: FlatRow) -> list[tuple[str, Any]]:
    """Everything known of a trial but the hashes of its code."""
    return [
        (name, value)
        for name, value in row.items()
        if value is not None and name not in ("fingerprint.code", "sweep")
    ]


def _print_changes(about: Mapping[str, Any], rows: Sequence[FlatRow]) -> None:
    """Print when a sweep went on under what had changed, what, and who saw both."""
    for change in about.get("changes", ()):
        parts = {name: (e["from"], e["to"]) for name, e in change["parts"].items()}
        when = format_cell(datetime.fromisoformat(change["when"]))
        before = f"{change['trials']} trials are from before"
        print(f"changed {when} ({before}): {describe_changes(parts)}")
        if "git.commit" in change:
            print(f"trained since then by {describe_code(change)}")
    if num_mixed := sum(bool(row["mixed"]) for row in rows):
        print(f"begun before a change and gone on after it: {num_mixed} (column mixed)")
    epochs = about.get("config", {}).get(_EPOCHS)
    # Named arms may have epochs of their own.
    varies = _EPOCHS in about.get("axes", ()) or about.get("arms")
    if epochs is not None and not varies:
        ended = [row for row in rows if row["status"] in ENDED_WELL]
        lower = (row.get(f"config.{_EPOCHS}") or epochs for row in ended)
        if num_short := sum(one < epochs for one in lower):
            print(f"still to go on to {epochs} epochs: {num_short} (with --resume)")


def _has_any(rows: Sequence[FlatRow], name: str) -> bool:
    return any(row.get(name) is not None for row in rows)
