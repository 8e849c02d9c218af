"""One sweep on a page: what it is, its answer, its trials, and what went wrong."""

import shlex
from collections.abc import Sequence
from typing import Any

from raypg.results.listing import read_line
from raypg.results.memo import FlatRow
from raypg.results.output import format_cell, print_table
from raypg.results.query import Results
from raypg.results.readable import print_answer

_COLUMNS = ("trial", "arm", "seed", "status", "num_epochs", "val.accuracy", "val.loss")


def print_sweep(results: Results, sweep: str) -> None:
    """Print a sweep for reading."""
    about = results.sweep_description(sweep)
    line = read_line(results.store, sweep)
    rows = results.trials(sweep)
    print(f"{sweep}: {line.kind}, {line.state}, started {format_cell(line.started)}")
    if question := str(about.get("question", "")).strip():
        print(f"question: {question.splitlines()[0]}")
    if command := about.get("command"):
        program = "train" if line.kind == "trial" else "tune"
        print(f"command: python -m raypg.{program} {shlex.join(command)}")
    print(
        f"trials: {line.trials} ({line.completed} completed, {line.cached} cached, "
        f"{line.stopped} stopped early, {line.failed} failed, "
        f"{line.unfinished} unfinished)\n"
    )
    varying = [name for name in varying_columns(rows) if name != "config.seed"]
    columns = [
        name for name in (*_COLUMNS, *varying, "train_s") if _has_any(rows, name)
    ]
    if rows:
        print_table(rows, columns)
        print()
    failed = [row for row in rows if row["status"] == "failed"]
    for row in failed:
        print(f"failed: {row['trial']} ({row['arm']}): {_reason(row)}")
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


def _has_any(rows: Sequence[FlatRow], name: str) -> bool:
    return any(row.get(name) is not None for row in rows)


def _reason(row: FlatRow) -> str:
    """The reason, or the last line of the traceback, which names the exception."""
    if row["status_reason"]:
        return _one_line(row["status_reason"])
    lines = (row["error"] or "unknown").strip().splitlines()
    return lines[-1]


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
