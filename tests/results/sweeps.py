"""Small sweeps to ask questions of."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raypg.results.append import SweepWriter
from raypg.store import Store

Row = dict[str, Any]


def new_store(folder: Path, *sweeps: str, **about: object) -> Store:
    """A store with sweeps that have no rows yet."""
    store = Store(str(folder / "runs"))
    for sweep in sweeps:
        store.create_sweep(sweep)
        store.write_description(sweep, {"kind": "ablation", **about})
    return store


def epoch_row(trial: str, epoch: int, attempt: int = 0, /, **metrics: object) -> Row:
    return {"trial": trial, "epoch": epoch, "attempt": attempt, **metrics}


def trial_row(trial: str, status: str = "completed", /, **columns: object) -> Row:
    named = {name.replace("__", "."): value for name, value in columns.items()}
    return {"trial": trial, "status": status, "arm": trial, "seed": 0, **named}


def write(
    store: Store,
    sweep: str,
    *,
    epochs: Iterable[Mapping[str, object]] = (),
    trials: Iterable[Mapping[str, object]] = (),
    compact: bool = True,
) -> None:
    """Append rows in one session of the sweep's writer."""
    writer = SweepWriter(store, sweep)
    for row in trials:
        writer.append("trials", row)
    for row in epochs:
        writer.append("epochs", row)
    writer.close(compact=compact)
    assert writer.problems() == []
