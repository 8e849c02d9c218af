"""What each kind of fault costs: one small sweep for each, beside calm ones.

The command, its cluster, the data and the fault are real: two trials train on digits,
with a checkpoint a second; at the stated moment a fault comes (`fault_kinds` has them),
and all commands are timed that it takes until the sweep is whole. The same sweep runs
calmly before and after, in the same conditions.

    python -m tests.benchmarks.faults [--only NAME ...] [--out FILE]

What the columns say:

- lost, doubled: rows of the table `epochs`, against the calm sweep's.
- twice: epochs that the driver was told of, and that were then trained again.
- bitwise: whether `val.loss` of every epoch is the calm sweep's.
- lost s: the commands' time less the calm sweeps' mean; waits: how much of it is a
  limit that somebody has set.
- further s: from the fault until all trials under way were further than before it.
- others: CPU cores that other processes took meanwhile; they make all of it slower.

The exit code is 1 where a row was lost, doubled or otherwise, or a sweep failed.
"""

import argparse
import json
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.fault_kinds import FAULTS, Fault
from tests.benchmarks.machine import (
    adopt_orphans,
    describe_machine,
    noting,
)
from tests.benchmarks.stages import Condition
from tests.benchmarks.struck_sweep import Outcome, StruckSweep
from tests.cluster.calm import Curves


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one fault came to; `error` says why where it came to nothing."""

    fault: str
    condition: str
    calm_s: Sequence[float]
    calm_others: Sequence[float]
    """CPU cores that other processes took meanwhile."""
    error: str = ""
    injected: str = ""
    happened: str = ""
    rows_lost: int = 0
    rows_doubled: int = 0
    epochs_twice: int = 0
    is_bitwise: bool = False
    wall_s: float = 0.0
    seconds_lost: float = 0.0
    waits_s: Mapping[str, float] = field(default_factory=dict)
    further_s: float = 0.0
    others: float = 0.0
    said: str = ""
    """The end of what the commands said."""

    @property
    def is_good(self) -> bool:
        """Whether all epochs are there, once, with the right numbers."""
        is_whole = not (self.error or self.rows_lost or self.rows_doubled)
        return is_whole and self.is_bitwise

    def shown(self) -> list[str]:
        """The cells of the table."""
        if self.error:
            return [self.fault, "", f"FAILED: {self.error.splitlines()[-1]}"]
        waits = " + ".join(f"{s:.0f} ({name})" for name, s in self.waits_s.items())
        return [
            self.fault,
            self.injected,
            self.happened,
            str(self.rows_lost),
            str(self.rows_doubled),
            str(self.epochs_twice),
            "yes" if self.is_bitwise else "NO",
            f"{self.seconds_lost:.1f}",
            waits,
            f"{self.further_s:.1f}",
            f"{self.others:.1f}",
        ]


def measure(names: Sequence[str]) -> list[Row]:
    """The rows of the table; the faults of one condition share its calm sweeps."""
    rows = []
    for condition, group in groupby(names, key=lambda name: FAULTS[name].condition):
        before = _run(condition, "calm")
        struck = {name: _run(condition, name) for name in group}
        calms = [before, _run(condition, "calm")]
        rows += [_row(name, struck[name], calms) for name in struck]
    for row in rows:
        if not row.is_good:
            print(f"{row.fault}:\n{row.error or row.said}", file=sys.stderr)
    return rows


def _run(condition: Condition[Any], name: str) -> Outcome | str:
    """One sweep to its end, struck or calm; why where there is no end."""
    print(f"{condition.name}: {name} …", file=sys.stderr, flush=True)
    try:
        with condition.stage() as stage, StruckSweep(condition, stage) as sweep:
            if name in FAULTS:
                FAULTS[name].strike(sweep, stage.prop)
            else:
                sweep.start()
            return sweep.outcome()
    except Exception:  # one fault must not take the others with it
        return traceback.format_exc()


def _row(name: str, outcome: Outcome | str, calms: Sequence[Outcome | str]) -> Row:
    fault = FAULTS[name]
    calm = [one for one in calms if isinstance(one, Outcome) and one.codes == [0]]
    row = Row(
        fault=name,
        condition=fault.condition.name,
        calm_s=[one.wall_s for one in calm],
        calm_others=[one.others for one in calm],
    )
    if not calm or isinstance(outcome, str):
        error = outcome if isinstance(outcome, str) else "no calm sweep ended well"
        return replace(row, error=error)
    lost, doubled, num_other = _compare(calm[0].curves, outcome.curves)
    return replace(
        row,
        injected=_moment(outcome),
        happened=_what_happened(fault, outcome),
        rows_lost=lost,
        rows_doubled=doubled,
        epochs_twice=outcome.num_twice,
        is_bitwise=not num_other,
        wall_s=outcome.wall_s,
        seconds_lost=outcome.wall_s - mean(row.calm_s),
        waits_s=fault.waits,
        further_s=outcome.further_s,
        others=outcome.others,
        said=outcome.said[-4000:],
    )


def _compare(expected: Curves, found: Curves) -> tuple[int, int, int]:
    """Rows that are missing, that are there twice or strange, that are otherwise."""
    calm = {(t, epoch): loss for t, rows in expected.items() for epoch, loss in rows}
    rows = [((t, epoch), loss) for t, own in found.items() for epoch, loss in own]
    both = calm.keys() & {key for key, _ in rows}
    others = [key for key, loss in rows if key in calm and calm[key] != loss]
    return len(calm) - len(both), len(rows) - len(both), len(others)


def _moment(outcome: Outcome) -> str:
    reached = " and ".join(f"{n}" for n in outcome.reached.values())
    return f"{outcome.struck - outcome.began:.0f} s, after epoch {reached}"


def _what_happened(fault: Fault[Any], outcome: Outcome) -> str:
    """By the drivers' exit codes and words, and by the attempts in the table."""
    parts = [f"exit {', '.join(map(str, outcome.codes))}"]
    if fault.told:
        told = re.search(fault.told, outcome.said)
        parts.append(f"“{told.group()}”" if told else f"NOT SAID: {fault.told}")
    parts += [f"attempt {n} from epoch {first}" for _, n, first in outcome.again]
    return "; ".join(parts)


def main() -> int:
    """Strike, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faults")
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--out", type=Path, default=Path("faults.json"))
    options = parser.parse_args()
    adopt_orphans()
    started = time.time()
    with noting():
        rows = measure([name for name in FAULTS if name in options.only])
    about = {
        "machine": describe_machine(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round((time.time() - started) / 60, 1),
    }
    content = {**about, "rows": [asdict(row) for row in rows]}
    options.out.write_text(json.dumps(content, indent=1))
    _print(about, rows)
    print(f"\nWritten to {options.out}.")
    return 0 if all(row.is_good for row in rows) else 1


def _print(about: Mapping[str, object], rows: Sequence[Row]) -> None:
    title = f"{about['machine']} · {about['minutes']} min"
    table = Table(title=title, title_justify="left")
    columns = "fault|injected|what happened|lost|doubled|twice|bitwise|lost s"
    for column in [*columns.split("|"), "waits", "further s", "others"]:
        table.add_column(column, overflow="fold")
    for condition, group in groupby(rows, key=lambda row: row.condition):
        own = list(group)
        table.add_section()
        calm, others = own[0].calm_s, own[0].calm_others
        table.add_row(
            condition,
            "",
            f"calm: {' and '.join(f'{seconds:.1f} s' for seconds in calm)}",
            *[""] * 7,
            " ".join(f"{cores:.1f}" for cores in others),
            style="bold",
        )
        for row in own:
            table.add_row(*row.shown())
    Console(width=None if sys.stdout.isatty() else 200).print(table)


if __name__ == "__main__":
    sys.exit(main())
