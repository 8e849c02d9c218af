"""`results ls` over 1,000 sweeps of 12 trials: a process from its start to its end.

The peer is the same command over the same store without the digests that writers keep
beside their tables, so that it opens each sweep's trials: 2.6 ms a sweep, of which 1.5
are Parquet's. With them what is left is Python's start and imports, 0.6 s of CPU, and
0.25 ms a sweep: its description, its digest, a list of files and its lock. Threads
would make it 0.8 ms: they take the interpreter from each other at every file.
Bytecode is kept, as everywhere but where PYTHONDONTWRITEBYTECODE is set.

    python -m tests.benchmarks.listing
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from raypg.results.append import SweepWriter
from raypg.store import Store
from tests.benchmarks.pairs import measure_pairs

NUM_TRIALS = 12
SETTINGS = {f"config.optimizer.setting_{number}": number for number in range(30)}


def measure(quick: bool) -> list[dict[str, object]]:
    """The rows of the table; `quick` measures too little to say anything."""
    num_sweeps, num_pairs = (50, 2) if quick else (1_000, 10)
    with tempfile.TemporaryDirectory() as name, _bytecode_kept(Path(name, "bytecode")):
        kept, bare = Path(name, "kept"), Path(name, "bare")
        _write(Store(str(kept)), num_sweeps)
        shutil.copytree(kept, bare)
        for digest in bare.glob("*/tables/digest.json"):
            digest.unlink()
        assert _list(kept)[1] == _list(bare)[1]
        row = measure_pairs(_timed(kept), _timed(bare), num_pairs).row(
            f"results ls, {num_sweeps:,} sweeps: every table opened",
            "s",
            "ours <= 1 s",
            f"{NUM_TRIALS} trials a sweep, process start to exit",
        )
    return [row]


def _write(store: Store, num_sweeps: int) -> None:
    for number in range(num_sweeps):
        sweep = f"sweep-{number:04d}"
        store.create_sweep(sweep)
        store.write_description(sweep, {"kind": "ablation", "num_trials": NUM_TRIALS})
        writer = SweepWriter(store, sweep)
        for trial in range(NUM_TRIALS):
            about = {"trial": f"{trial:016x}", "status": "completed", "seed": trial}
            writer.append("trials", {**about, "val.accuracy": trial / 12, **SETTINGS})
        writer.close()


@contextmanager
def _bytecode_kept(folder: Path) -> Iterator[None]:
    """Let the processes that are started meanwhile keep the bytecode of modules."""
    with mock.patch.dict(os.environ, {"PYTHONPYCACHEPREFIX": str(folder)}):
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        yield


def _list(store: Path) -> tuple[float, str]:
    command = [sys.executable, "-m", "raypg.results", "ls", "--format", "csv"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--store", str(store)], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - start, done.stdout


def _timed(store: Path) -> Callable[[], float]:
    return lambda: _list(store)[0]


if __name__ == "__main__":
    for line in measure(quick=False):
        print(json.dumps(line, ensure_ascii=False))
