"""Sweeps with everything that figures and reports show, without anyone who trains."""

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from raypg.results import Results, open_results
from raypg.store import Store
from tests.results.sweeps import Row, epoch_row, new_store, trial_row, write

START = datetime(2026, 11, 29, 12, tzinfo=UTC)
COMMON = {
    "attempt": 0,
    "node": "10.0.0.1",
    "device": "cpu",
    "num_workers": 1,
    "num_threads": 1,
    "versions.torch": "2.15.0",
    "git.commit": "0123456789abcdef",
    "git.dirty": False,
}
DEPTHS = {7: (0.90, 0.92, 0.94), 22: (0.95, 0.97, 0.96), 40: (0.98, 0.98, 0.98)}
"""Of the ablation: what each depth reached, by seed."""


def at(seconds: float) -> datetime:
    """A moment after the start."""
    return START + timedelta(seconds=seconds)


def curve(
    trial: str, values: list[float], begin: float = 0.0, attempt: int = 0
) -> list[Row]:
    """The epochs of a trial, a second each and a tenth between two."""
    return [
        epoch_row(
            trial,
            epoch,
            attempt,
            **{
                "val.accuracy": value,
                "val.loss": 1 - value,
                "epoch_s": 1.0,
                "time": at(begin + epoch + 0.1 * (epoch - 1)),
            },
        )
        for epoch, value in enumerate(values, start=1)
    ]


def write_ablation(folder: Path, **about: object) -> Results:
    """Three depths, three seeds, three epochs; two processes, no trial lost."""
    described: dict[str, Any] = {
        "axes": ["model.depth"],
        "baseline": "model.depth=40",
        "metric": "val.accuracy",
        "mode": "max",
        "question": "Does depth pay?\n\nNine trials.",
        "command": ["depth.py", "train.epochs=3"],
        "num_trials": 9,
    }
    store = new_store(folder, "depth", **{**described, **about})
    trials, epochs = [], []
    for number, (seed, depth) in enumerate(itertools.product(range(3), DEPTHS)):
        trial, value = f"{depth:02d}{seed}{'a' * 13}", DEPTHS[depth][seed]
        begin = 4.0 * (number // 2)
        epochs += curve(trial, [value - 0.2, value - 0.1, value], begin + 0.3)
        trials.append(
            trial_row(trial)
            | COMMON
            | {
                "arm": f"model.depth={depth}",
                "seed": seed,
                "config.seed": seed,
                "config.model.depth": depth,
                "config.train.epochs": 3,
                "number": number,
                "num_epochs": 3,
                "val.accuracy": value,
                "val.loss": 1 - value,
                "num_parameters": 1000 * depth,
                "num_flops": 10_000 * depth,
                "train_s": 3.0,
                "pid": 100 + number % 2,
                "started": at(begin),
                "finished": at(begin + 4.0),
            }
        )
    write(store, "depth", trials=trials, epochs=epochs)
    return open_results(store)


DRAWN = [
    # trial, status, epochs, last value, lr, optimizer, parameters
    ("a1", "completed", 9, 0.90, 0.1, "sgd", 100_000),
    ("b2", "completed", 9, 0.80, 0.001, "adamw", 200_000),
    ("c3", "stopped", 1, 0.30, 0.9, "sgd", 300_000),
    ("d4", "stopped", 3, 0.60, 0.01, "adamw", 50_000),
    ("e5", "stopped", 1, 0.20, 0.005, "sgd", 50_000),
    ("f6", "completed", 9, 0.85, 0.05, "sgd", 50_000),
    ("g7", "completed", 9, 0.70, 0.4, "adamw", 400_000),
    ("h8", "failed", 2, 0.50, 0.7, "sgd", 50_000),
    ("i9", "running", 0, None, 0.2, "sgd", None),
]


def write_search(folder: Path, **about: object) -> Results:
    """A search with ASHA: of nine trials four completed, one failed, one still runs."""
    described: dict[str, Any] = {
        "kind": "search",
        "axes": ["optimizer.lr", "optimizer.name"],
        "metric": "val.accuracy",
        "mode": "max",
        "question": "What does a tuned network reach?",
        "command": ["asha.py", "--name", "asha"],
        "num_trials": 9,
    }
    store = new_store(folder, "asha", **{**described, **about})
    trials, epochs = [], []
    for number, drawn in enumerate(DRAWN):
        trial, status, num, value, lr, optimizer, size = drawn
        begin = 20.0 * number
        values = [0.1 + ((value or 0) - 0.1) * e / num for e in range(1, num + 1)]
        epochs += curve(trial, values, begin)
        trials.append(
            trial_row(trial, status)
            | COMMON
            | {
                "arm": f"optimizer.lr={lr} optimizer.name={optimizer}",
                "config.optimizer.lr": lr,
                "config.optimizer.name": optimizer,
                "number": number,
                "num_epochs": num,
                "val.accuracy": value,
                "num_parameters": size,
                "num_flops": size and 10 * size,
                "train_s": float(num),
                "pid": None if status == "running" else 7,
                "node": None if status == "running" else "10.0.0.1",
                "started": at(begin),
                "finished": None if status == "running" else at(begin + 11),
                "status_reason": "boom" if status == "failed" else None,
                "cause": "code" if status == "failed" else None,
            }
        )
    write(store, "asha", trials=trials, epochs=epochs)
    return open_results(store)


def write_trials(
    folder: Path, rows: list[Row], epochs: list[Row], **about: object
) -> Results:
    """A sweep called `few`, of these rows."""
    store: Store = new_store(folder, "few", **about)
    write(store, "few", trials=rows, epochs=epochs)
    return open_results(store)


WAY = {
    "start": (0.50, 0.52, 0.54),
    "model.hidden=32": (0.70, 0.73, 0.74),
    "optimizer.lr=0.3": (0.60, 0.60, 0.60),
    "train.batch_size=32": (0.50, 0.51, 0.50),
    "model.hidden=32 optimizer.lr=0.3": (0.80, 0.81, 0.86),
    "model.hidden=32 train.batch_size=32": (0.70, 0.70, 0.71),
    "model.hidden=32 optimizer.lr=0.3 train.batch_size=32": (0.79, 0.82, 0.84),
}
"""Of a path, what each place reached by seed: two steps gain, the last one loses."""


def way_rows() -> list[Row]:
    """Its trials."""
    return [
        trial_row(f"{number:02d}{seed}{'b' * 13}")
        | COMMON
        | {
            "arm": label,
            "seed": seed,
            "number": 3 * number + seed,
            "num_epochs": 2,
            "config.seed": seed,
            "config.model.hidden": 32 if "hidden" in label else 8,
            "val.accuracy": value,
            "val.loss": 1 - value,
            "num_parameters": 1000,
            "num_flops": 10_000,
            "train_s": 2.0,
        }
        for number, (label, values) in enumerate(WAY.items())
        for seed, value in enumerate(values)
    ]


def write_way(folder: Path) -> Results:
    """A path of three changes and three seeds, as `explain` leaves it."""
    store = new_store(
        folder,
        "explain",
        kind="path",
        axes=["model.hidden", "optimizer.lr", "train.batch_size"],
        baseline="start",
        metric="val.accuracy",
        mode="max",
        question="Which changes carry the gain?",
        command=["explain", "best", "--vs", "base"],
        num_trials=21,
    )
    rows = way_rows()
    epochs = [e for r in rows for e in curve(r["trial"], [0.4, r["val.accuracy"]])]
    write(store, "explain", trials=rows, epochs=epochs)
    return open_results(store)
