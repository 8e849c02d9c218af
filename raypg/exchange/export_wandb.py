"""A sweep as runs of W&B, as `--wandb` would have logged them while it ran.

With an account (`wandb login`) they go to its server, else into a folder, from where
`wandb sync` sends them; `WANDB_MODE` is respected. A trial has the same run id as while
it was trained, so that nothing is doubled there.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from raypg.errors import ResultsError
from raypg.exchange.place import check_free
from raypg.exchange.rows import SweepRows, metrics_of
from raypg.results.memo import FlatRow
from raypg.results.schema import config_leaves

PATIENCE_S = 60.0
"""Longest wait for W&B, a trial."""

_LEFT_OUT = ("config.", "fingerprint.", "sweep", "trial", "arm")
"""Columns that the summary of a run lacks: the run has them elsewhere, or hashes."""


def export_wandb(rows: SweepRows, out: Path) -> str:
    """Log all trials as the runs of one group.

    Args:
        rows: of the sweep.
        out: where W&B keeps its files; offline runs stay there.

    Returns:
        Where the runs are, as a line to print.

    Raises:
        ResultsError: `out` is not free, or W&B did not take all trials.
    """
    # Here and not above: it imports the config, and with it torch.
    from raypg.wandb_log import About, Facts, WandbLog

    check_free(out)
    folder = out.absolute()
    about = About(rows.sweep, str(rows.about.get("started") or ""), str(folder))
    log = WandbLog(about, lambda line: print(line, file=sys.stderr))
    for number, row in enumerate(rows.trials):
        facts = Facts.build(
            row["trial"], row["arm"] or row["trial"], row["seed"], config_leaves(row)
        )
        epochs = {e["epoch"]: metrics_of(e) for e in rows.epochs_of(row)}
        log.log_past(number, facts, epochs, row["status"], _summary(row))
    log.close(PATIENCE_S * len(rows.trials))
    if log.is_disabled:
        return "Nothing was logged: WANDB_MODE is disabled."
    if log.num_runs < len(rows.trials):
        rule, found = "must take every trial", f"{log.num_runs} of {len(rows.trials)}"
        fix = "Name another --out, or export to another tool."
        raise ResultsError("--to wandb", rule, found, fix)
    return f"Logged as the runs of group {rows.sweep}."


def _summary(row: FlatRow) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and not name.startswith(_LEFT_OUT)
    }
