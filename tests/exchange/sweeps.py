"""A search and an ablation to export, and a command line to ask what was imported."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from raypg.exchange import SweepRows, read_sweep
from raypg.results import open_results
from raypg.results.__main__ import main
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import Row, epoch_row, new_store, trial_row, write

START = datetime(2026, 11, 1, 12, tzinfo=UTC)

RATES = {"a" * 16: 0.1, "b" * 16: 1e-4, "c" * 16: 1.0, "d" * 16: 0.01}
"""Trials of the search by id: completed, stopped, failed, cached; their learning rates.
"""

STATUSES = dict(zip(RATES, ("completed", "stopped", "failed", "cached"), strict=True))


def new_search(folder: Path) -> Store:
    """A store with the search `lr`; the cached trial's epochs are those of `old`."""
    store = new_store(folder, "old", "lr")
    description = {
        "kind": "search",
        "axes": ["optimizer.lr", "model.depth", "optimizer.name"],
        "metric": "val.accuracy",
        "mode": "max",
        "started": START.isoformat(),
    }
    store.write_description("lr", description)
    rows = [_row(number, trial) for number, trial in enumerate(RATES)]
    rows[2] |= {"error": "Traceback\nValueError: boom", "val.accuracy": None}
    rows[3] |= {"source_sweep": "old"}
    write(store, "lr", trials=rows, epochs=[*_epochs("a" * 16, 3), *_epochs("b" * 16)])
    write(
        store,
        "old",
        trials=[_row(0, "d" * 16) | {"status": "completed"}],
        epochs=_epochs("d" * 16, 3),
    )
    return store


def read_search(folder: Path) -> SweepRows:
    """The same, read for an export."""
    return read_sweep(open_results(new_search(folder)), "lr")


def new_ablation(folder: Path) -> Store:
    """A store with the ablation `depth`: two arms, two seeds, no epochs."""
    store = new_store(folder, "depth", axes=["model.depth"], metric="val.loss")
    store.write_description(
        "depth", store.read_description("depth") | {"mode": "min", "started": ""}
    )
    rows = [
        trial_row(f"{depth}{seed}", val__loss=depth / 100, config__model__depth=depth)
        | {"arm": f"model.depth={depth}", "seed": seed, "number": depth + seed}
        for depth in (22, 40)
        for seed in (0, 1)
    ]
    write(store, "depth", trials=rows)
    return store


def _row(number: int, trial: str) -> Row:
    return trial_row(
        trial,
        STATUSES[trial],
        number=number,
        arm=f"optimizer.lr={RATES[trial]:g}",
        val__accuracy=0.7 + number / 10,
        num_epochs=3,
        num_parameters=1000,
        node="host",
        started=START + timedelta(minutes=number),
        finished=START + timedelta(minutes=number, seconds=30),
        config__optimizer__lr=RATES[trial],
        config__model__depth=22 + 18 * (number % 2),
        config__optimizer__name="sgd",
        config__schedule__milestones=[0.5, 0.75],
        config__seed=0,
    )


def _epochs(trial: str, num_epochs: int = 1) -> list[Row]:
    return [
        epoch_row(trial, epoch, lr=0.1, epoch_s=2.0)
        | {"val.accuracy": epoch / 4, "val.loss": 1 / epoch}
        | {"time": START + timedelta(seconds=2 * epoch)}
        for epoch in range(1, num_epochs + 1)
    ]


@pytest.fixture
def results(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """`python -m raypg.results`, in a store of its own."""
    return Command(main, str(tmp_path / "runs"), capsys, monkeypatch)
