"""`make bench`: every benchmark, one table, one JSON file.

    python -m tests.benchmarks [--quick] [--only NAME ...] [--out FILE]

A module that fails is reported, and the others go on. The exit code is 1 where one
failed, 0 otherwise: a goal that is missed is a row, not an error.
"""

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.goals import is_reached, shown
from tests.benchmarks.machine import adopt_orphans, cpu_of_others, describe_machine

MODULES = (
    "warm_workers",
    "efficiency",
    "throughput",
    "densenet_cpu",
    "input_pipeline",
    "augmentation",
    "folder_cache",
    "checkpoints",
    "driver",
    "tables",
    "listing",
    "asha",
)
"""In the order of the goals; each has `measure(quick)`, which gives the rows."""

ON_DEMAND = ("model_speed", "distillation", "chaos", "scale")
"""The same, of each model, of a teacher, of faults and of size: run where named."""

MINUTE = ("warm_workers", "input_pipeline", "checkpoints", "tables", "asha")
"""What `--quick` runs where nothing is named: the others start clusters by the dozen,
or train what takes minutes, however little they measure."""

MARKS = {True: "yes", False: "NO", None: ""}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    what = "a minute's worth, which says nothing of the goals"
    parser.add_argument("--quick", action="store_true", help=what)
    parser.add_argument("--only", nargs="+", choices=MODULES + ON_DEMAND)
    parser.add_argument("--out", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    adopt_orphans()
    started = time.time()
    names = options.only or (MINUTE if options.quick else MODULES)
    sections = [_measure(name, options.quick) for name in names]
    about = {
        "machine": describe_machine(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "minutes": round((time.time() - started) / 60, 1),
    }
    options.out.write_text(json.dumps({**about, "sections": sections}, indent=1))
    _print(about, sections)
    print(f"\nWritten to {options.out}.")
    return 1 if any(section["error"] for section in sections) else 0


def _measure(name: str, quick: bool) -> dict[str, Any]:
    print(f"{name} …", file=sys.stderr, flush=True)
    others, started = cpu_of_others(), time.perf_counter()
    rows: list[dict[str, Any]] = []
    error = ""
    try:
        rows = importlib.import_module(f"tests.benchmarks.{name}").measure(quick)
    except Exception:  # one benchmark must not take the others with it
        error = traceback.format_exc()
        print(error, file=sys.stderr)
    wall_s = time.perf_counter() - started
    return {
        "name": name,
        "seconds": round(wall_s, 1),
        "cores_of_others": round(max(0.0, cpu_of_others() - others) / wall_s, 2),
        "rows": [
            {**row, "reached": None if quick else is_reached(row)} for row in rows
        ],
        "error": error,
    }


def _print(about: dict[str, Any], sections: Sequence[dict[str, Any]]) -> None:
    kind = "QUICK: too little to say anything" if about["quick"] else "full"
    title = f"{about['machine']} · {about['minutes']} min · {kind}"
    table = Table(title=title, show_lines=False, title_justify="left")
    for column in ("ours : peer", "ours", "peer", "ratio", "95 %", "goal", "reached"):
        table.add_column(column, overflow="fold")
    table.add_column("note", overflow="fold", style="dim")
    for section in sections:
        taken = section["cores_of_others"]
        busy = f", others took {taken:.1f} cores" if taken >= 0.2 else ""
        heading = f"{section['name']} ({section['seconds']:.0f} s{busy})"
        table.add_section()
        table.add_row(heading, *[""] * 7, style="bold")
        for row in section["rows"]:
            table.add_row(*shown(row), MARKS[row["reached"]], row["note"])
        if section["error"]:
            table.add_row(f"FAILED: {section['error'].splitlines()[-1]}", *[""] * 7)
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)


if __name__ == "__main__":
    sys.exit(main())
