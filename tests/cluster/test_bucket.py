import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from raypg.results import open_results
from tests.s3 import create_bucket, s3_environment


@pytest.mark.slow
def test_a_sweep_lives_in_a_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = tmp_path / "space.py"
    space.write_text(
        "from raypg import *\n"
        'SPACE = Ablation(base={"model.name": "mlp", "train.epochs": 2},'
        ' axes={"optimizer.lr": [0.05, 0.1]})'
    )
    for name, value in s3_environment().items():
        monkeypatch.setenv(name, value)
    store = create_bucket()
    # Its own cluster: workers take the credentials from where they were started.
    command = [sys.executable, "-m", "raypg.tune", str(space), "--store", store]
    run = partial(subprocess.run, check=True, cwd=tmp_path, env=os.environ.copy())
    run(command)
    results = open_results(store)
    rows = results.trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert all(row["checkpoint"] for row in rows)
    assert len(results.epochs("space")) == 4
    assert results.sql("select count(*) n from predictions")["n"].to_pylist() == [600]
    run(command)
    again = results.trials("space-2")
    assert [row["status"] for row in again] == ["cached"] * 2
    ask = [sys.executable, "-m", "raypg.results"]
    asked = [["ls"], ["show", "space"], ["best", "space-2"], ["sql", "from epochs"]]
    for one in asked:
        said = run([*ask, *one, "--store", store], capture_output=True, text=True)
        assert "space" in said.stdout
