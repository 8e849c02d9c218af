"""The tables: one aggregate over 1 M epochs, opened from disk, and bytes a row.

10,000 trials of 100 epochs with the columns that the loop reports. The query asks for
the mean validation accuracy by epoch. Ours opens the store afresh each time. SQLite and
the JSON lines hold the same rows (a file a trial, as Ray Tune's `result.json`, with our
columns alone: its own take ten times the space). All are read from the page cache. A
`ResultGrid` is opened at a hundredth of the rows and taken times a hundred: Tune takes
an hour to write 1 M rows.

    python -m tests.benchmarks.tables
"""

import json
import sqlite3
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from raypg.results.append import SweepWriter
from raypg.results.predictions import write_predictions
from raypg.results.query import open_results
from raypg.store import Store
from tests.benchmarks.pairs import Pairs, measure_pairs
from tests.benchmarks.sweeps import open_by_peer

NUM_EPOCHS = 100
ROWS_PER_FLUSH = 330
"""What Tune's driver can take in a second."""
OURS = (
    "select epoch, avg(val.accuracy) as mean from epochs group by epoch order by epoch"
)
SQLITE = "select epoch, avg(val_accuracy) from epochs group by epoch order by epoch"
NAMES = ("epoch_s", "images_per_s", "lr", "train.loss", "train.accuracy", "val.loss")
COLUMNS = ("trial", "attempt", "epoch", "time", *NAMES, "val.accuracy")


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    num_trials, num_pairs = (200, 3) if quick else (10_000, 12)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        num_rows = num_trials * NUM_EPOCHS
        what = f"{num_rows:,} rows"
        live, append_us = _write_store(folder, num_trials)
        _write_peers(folder, num_trials)
        table = folder / "store" / "small" / "tables" / "epochs"
        size = sum(path.stat().st_size for path in table.iterdir())
        lines = sum(path.stat().st_size for path in (folder / "json").iterdir())
        ours = _timed(lambda: _ask_store(folder, "small"))
        alive = _timed(lambda: _ask_store(folder, "live"))
        plain = _timed(lambda: _ask_sqlite(folder, "plain.db"))
        indexed = _timed(lambda: _ask_sqlite(folder, "indexed.db"))
        by_lines = _timed(lambda: _ask_lines(folder))
        _check_same(folder)
        return [
            measure_pairs(ours, plain, num_pairs).row(
                f"SQL aggregate from disk, {what}: SQLite, defaults",
                "ms",
                "<= 0.2, ours <= 50 ms",
                "the store is opened afresh each time",
            ),
            measure_pairs(ours, indexed, num_pairs).row(
                f"SQL aggregate from disk, {what}: SQLite, covering index, mmap",
                "ms",
                "ours <= 50 ms",
                "no goal for the ratio: the index is this query's columns, sorted",
            ),
            measure_pairs(ours, by_lines, 3).row(
                f"SQL aggregate from disk, {what}: JSON lines by trial",
                "ms",
                "<= 0.01",
                f"{num_trials:,} files",
            ),
            _by_result_grid(ours, num_trials),
            measure_pairs(alive, ours, num_pairs).row(
                f"SQL aggregate of a live sweep, {what}: compacted",
                "ms",
                "ours <= 300 ms",
                f"{live} segments, none compacted",
            ),
            Pairs((size / num_rows,), (lines / num_rows,), 0).row(
                "bytes a row on disk: JSON lines",
                "bytes",
                "ours <= 40",
                "random metrics: they do not compress",
            ),
            Pairs((append_us,), (50.0,), 0).row(
                "append of a row: the goal",
                "µs",
                "ours <= 50",
                "on the caller's thread",
            ),
            measure_pairs(_predictions(folder), _clone, 3 if quick else 12).row(
                "predictions of a trial, 300 x 10: np.save", "ms", "ours <= 2", ""
            ),
        ]


def _rows(num_trials: int) -> Iterator[dict[str, object]]:
    """Rows as the ledger appends them: epochs of two trials in turn."""
    random = np.random.default_rng(0)
    for pair in range(num_trials // 2):
        metrics = (
            random.random((NUM_EPOCHS * 2, len(NAMES))).astype(np.float32).tolist()
        )
        accuracy = (random.integers(0, 5001, NUM_EPOCHS * 2) / 5000).tolist()
        for step in range(NUM_EPOCHS * 2):
            moment = 1.7e9 + pair * 250 + step * 1.25 + metrics[step][0] / 10
            yield {
                "trial": f"{(2 * pair + step % 2) * 0x9E3779B97F4A7C15 % 2**64:016x}",
                "attempt": 0,
                "epoch": step // 2 + 1,
                "time": datetime.fromtimestamp(moment, UTC),
                **dict(zip(NAMES, metrics[step], strict=True)),
                "lr": 0.1 * (1 - step // 2 / NUM_EPOCHS),
                "val.accuracy": accuracy[step],
            }


def _write_store(folder: Path, num_trials: int) -> tuple[int, float]:
    """A live and a compacted sweep; the live one's segments and µs an append."""
    store = Store(str(folder / "store"))
    seconds = 0.0
    for sweep in ("live", "small"):
        store.create_sweep(sweep)
        store.write_description(sweep, {"kind": "ablation"})
        writer = SweepWriter(store, sweep)
        for number, row in enumerate(_rows(num_trials), start=1):
            start = time.perf_counter()
            writer.append("epochs", row)
            seconds += time.perf_counter() - start
            if number % ROWS_PER_FLUSH == 0:
                writer.flush()
        writer.close(compact=sweep == "small")
    num_appends = 2 * num_trials * NUM_EPOCHS
    return len(store.files("live/tables/epochs")), 1e6 * seconds / num_appends


def _write_peers(folder: Path, num_trials: int) -> None:
    names = [name.replace(".", "_") for name in COLUMNS]
    marks = ", ".join("?" * len(names))
    lines = defaultdict(list)
    for row in _rows(num_trials):
        own = {**row, "time": row["time"].timestamp()}  # type: ignore[attr-defined]
        lines[str(row["trial"])].append(own)
    for name in ("plain.db", "indexed.db"):
        with sqlite3.connect(folder / name) as base:
            base.execute(f"create table epochs ({', '.join(names)})")
            for rows in lines.values():
                values = [[row[column] for column in COLUMNS] for row in rows]
                base.executemany(f"insert into epochs values ({marks})", values)
            if name == "indexed.db":
                base.execute("create index answer on epochs (epoch, val_accuracy)")
                base.execute("analyze")
        base.close()
    (folder / "json").mkdir()
    for trial, rows in lines.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "json" / f"{trial}.json").write_text(text)


def _ask_store(folder: Path, sweep: str) -> list[float]:
    answer = open_results(str(folder / "store")).sql(OURS, sweeps=[sweep])
    means: list[float] = answer["mean"].to_pylist()
    return means


def _ask_sqlite(folder: Path, name: str) -> list[float]:
    base = sqlite3.connect(folder / name)
    if name == "indexed.db":
        base.execute("pragma mmap_size = 1000000000")
    means = [mean for _, mean in base.execute(SQLITE)]
    base.close()
    return means


def _ask_lines(folder: Path) -> list[float]:
    totals: dict[int, float] = defaultdict(float)
    counts: dict[int, int] = defaultdict(int)
    for path in (folder / "json").iterdir():
        with path.open() as file:
            for line in file:
                row = json.loads(line)
                totals[row["epoch"]] += row["val.accuracy"]
                counts[row["epoch"]] += 1
    return [totals[epoch] / counts[epoch] for epoch in sorted(totals)]


def _by_result_grid(ours: Callable[[], float], num_trials: int) -> dict[str, object]:
    share = 100
    times_ms = open_by_peer(num_trials // share, NUM_EPOCHS)
    asked_ms = tuple(ours() for _ in times_ms)
    return Pairs(asked_ms, tuple(share * ms for ms in times_ms), 0).row(
        f"SQL aggregate from disk, {num_trials * NUM_EPOCHS:,} rows: Tune's ResultGrid",
        "ms",
        "<= 0.01",
        f"the peer is extrapolated from {num_trials // share * NUM_EPOCHS:,} rows",
    )


def _check_same(folder: Path) -> None:
    """All answer the same question with the same numbers."""
    expected = _ask_lines(folder)
    answers = [_ask_store(folder, sweep) for sweep in ("small", "live")]
    answers += [_ask_sqlite(folder, name) for name in ("plain.db", "indexed.db")]
    for answer in answers:
        np.testing.assert_allclose(answer, expected, rtol=1e-6)


def _timed(ask: Callable[[], object]) -> Callable[[], float]:
    def milliseconds() -> float:
        start = time.perf_counter()
        ask()
        return 1000 * (time.perf_counter() - start)

    milliseconds()
    return milliseconds


def _predictions(folder: Path) -> Callable[[], float]:
    store = Store(str(folder / "store"))
    random = np.random.default_rng(0)
    probabilities_NK = random.random((300, 10)).astype(np.float16)
    labels_N = random.integers(0, 10, 300)
    trials = iter(range(10**9))

    def write() -> None:
        write_predictions(
            store,
            "live",
            f"{next(trials):016x}",
            0,
            probabilities_NK=probabilities_NK,
            labels_N=labels_N,
        )

    return _timed(write)


def _clone() -> float:
    """The same numbers by `np.save`, neither whole nor absent, nor to be queried."""
    array = np.zeros((300, 10), np.float16)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        np.save(Path(folder) / "a.npy", array)
        return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
