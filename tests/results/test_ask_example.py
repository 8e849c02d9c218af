"""`examples/ask.py` runs as its docstring says."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.results.sweeps import epoch_row, new_store, trial_row, write

SCRIPT = Path(__file__).parents[2] / "examples" / "ask.py"


def _run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_prints_trials_and_curves_with_bands(tmp_path: Path) -> None:
    store = new_store(tmp_path, "depth", axes=["model.depth"])
    values = {"a": 0.25, "b": 0.5}
    rows = [
        trial_row(trial, val__accuracy=value, config__model__depth=22, num_epochs=2)
        | {"arm": "model.depth=22", "seed": seed}
        for seed, (trial, value) in enumerate(values.items())
    ]
    epochs = [
        epoch_row(trial, epoch, **{"val.accuracy": epoch * value / 2})
        for trial, value in values.items()
        for epoch in (1, 2)
    ]
    write(store, "depth", trials=rows, epochs=epochs)
    done = _run(tmp_path)  # whose folder `runs` is the default
    assert (done.returncode, done.stderr) == (0, "")
    said = [line.split() for line in done.stdout.splitlines()]
    assert "depth: 2 completed, 4 epochs".split() in said
    assert "22 0 completed 0.25".split() in said
    (last,) = (line for line in said if line[:2] == ["model.depth=22", "2"])
    # The half-width for two values is 12.706 times half of what lies between them.
    mean, low, high = map(float, last[3:])
    assert mean == 0.375
    assert [low, high] == pytest.approx([0.375 - 1.5883, 0.375 + 1.5883], abs=1e-4)


def test_it_says_in_a_line_that_there_is_nothing(tmp_path: Path) -> None:
    done = _run(tmp_path, "rnus")
    assert (done.returncode, done.stdout) == (1, "")
    assert "rnus: must exist; found nothing there" in done.stderr
    assert done.stderr.count("\n") == 1
    (tmp_path / "runs").mkdir()
    assert "Try: make sweep" in _run(tmp_path).stderr
