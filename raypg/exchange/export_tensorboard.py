"""A sweep as TensorBoard reads it: a folder of event files a trial.

Scalars have the epoch as their step and its end as their wall time. Tags have `/` for
the dot, as TensorBoard groups by it. The HPARAMS page gets the config of each trial.
"""

import shlex
import time
from pathlib import Path
from typing import Any

from raypg.exchange.place import written_whole
from raypg.exchange.rows import (
    SweepRows,
    metrics_of,
    seconds_of,
    trial_folder,
)
from raypg.faults import format_value
from raypg.results.memo import FlatRow
from raypg.results.schema import config_leaves


def export_tensorboard(rows: SweepRows, out: Path) -> str:
    """Write the event files.

    Args:
        rows: of the sweep.
        out: the log folder.

    Returns:
        The command that shows them, as a line to print.

    Raises:
        ResultsError: `out` is not free.
    """
    with written_whole(out) as place:
        for row in rows.trials:
            _write_trial(rows, row, place / trial_folder(row))
    return f"Open with: tensorboard --logdir {shlex.quote(str(out))}"


def _write_trial(rows: SweepRows, row: FlatRow, folder: Path) -> None:
    # Here and not above: it imports protobuf and NumPy, which no other command needs.
    from tensorboardX import SummaryWriter
    from tensorboardX.summary import hparams

    with SummaryWriter(logdir=str(folder)) as writer:
        for part in hparams(_hparams(row), _results(rows, row)):
            writer.file_writer.add_summary(part)
        for epoch in rows.epochs_of(row):
            # An import may not know when: then now, as TensorBoard would have it.
            moment = seconds_of(epoch["time"]) or time.time()
            for name, value in metrics_of(epoch).items():
                writer.add_scalar(_tag(name), value, epoch["epoch"], walltime=moment)


def _tag(name: str) -> str:
    return name.replace(".", "/")


def _hparams(row: FlatRow) -> dict[str, Any]:
    """The config, and what the trial is called in the tables."""
    named = config_leaves(row) | {"raypg.trial": row["trial"], "raypg.arm": row["arm"]}
    named["raypg.status"] = row["status"]
    return {
        name: format_value(value) if isinstance(value, list) else value
        for name, value in named.items()
    }


def _results(rows: SweepRows, row: FlatRow) -> dict[str, float]:
    """The scalars that the HPARAMS page shows in its table."""
    last = rows.epochs_of(row)[-1:]
    return {_tag(n): v for e in last for n, v in metrics_of(e).items() if "val." in n}
