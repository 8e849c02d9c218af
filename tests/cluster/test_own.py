"""A model of the user's own on a cluster: shipped, varied, edited, trained again."""

import json
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from raypg.cluster.plan import plan_sweep
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import Finished
from raypg.errors import StoreError
from raypg.results import open_results
from raypg.studies.reproduce import BITWISE, find_row, reproduce
from tests.cluster.aged import Interrupt, interrupt_after
from tests.cluster.own_cluster import new_cluster
from tests.cluster.processes import wait_until
from tests.cluster.test_nodes import starting
from tests.conftest import RunSpace, resume
from tests.own.files import LAYERS, NET, Write, my_net, write

__all__ = ["interrupt_after", "my_net", "write"]
pytestmark = pytest.mark.slow

SPACE = """
SPACE = Search(
    base={"train.epochs": 2, "data.fraction": 0.2},
    axes={"model.name": choice("my_net.py:MyNet", "mlp"),
          "model.width": when("model.name", "my_net.py:MyNet", choice(8, 16))},
    trials=3, seed=1,
)
"""
ABLATION = """
SPACE = Ablation(
    base={"model.name": "my_net.py:MyNet", "train.epochs": 2, "data.fraction": 0.2},
    axes={"model.width": [8, 16]},
)
"""


def rows_of(finished: Finished) -> list[dict[str, Any]]:
    return open_results(finished.store).trials(finished.sweep)


def test_its_keys_are_axes_and_an_edit_makes_exactly_its_trials_stale(
    run_space: RunSpace,
    my_net: str,
    write: Write,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = rows_of(run_space(SPACE))
    assert {row["status"] for row in first} == {"completed"}
    own = [row for row in first if row["config.model.name"] == my_net]
    assert sorted(row["config.model.width"] for row in own) == [8, 16]
    write("layers.py", LAYERS.replace("ReLU", "GELU"))
    told = plan_sweep("space.py", [], Options(store="runs"), runs_steps=False).stale
    line = "layers.py has changed: 2 of the store's trials are stale"
    assert list(told) == [line]
    capsys.readouterr()
    again = run_space(SPACE)
    assert line in capsys.readouterr().err.splitlines()
    status = {row["config.model.width"]: row["status"] for row in rows_of(again)}
    assert status == {8: "completed", 16: "completed", None: "cached"}


def test_a_resume_says_which_file_has_changed(
    run_space: RunSpace, my_net: str, write: Write, interrupt_after: Interrupt
) -> None:
    interrupt_after(0, epoch=1)
    first = run_space(ABLATION, checkpoint_every_s=0.0)
    interrupt_after()
    write("layers.py", LAYERS.replace("ReLU", "GELU"))
    with pytest.raises(StoreError, match=r"changes in layers\.py \(1 of 1 trials\)"):
        resume(first)
    write("layers.py", LAYERS + "# A remark changes nothing.\n")
    assert {row["status"] for row in rows_of(resume(first))} == {"completed"}


def test_a_trial_is_trained_again_by_the_files_that_trained_it(
    run_space: RunSpace, my_net: str, write: Write, tmp_path: Path
) -> None:
    row, _ = rows_of(finished := run_space(ABLATION))
    (tmp_path / "layers.py").unlink()
    write("my_net.py", "1 / 0\n")
    results = open_results(finished.store)
    found = find_row(results, row["trial"])
    again = reproduce(results, found, "val.accuracy", lambda _: None, runs_kept=True)
    assert again.verdict == BITWISE
    assert not [line for line in again.changes if ".py" in line]


LOG = """
from pathlib import Path

with Path({log!r}).open("a") as log:
    log.write(f"{{__file__}} {{Path('my_net.py').exists()}}\\n")
"""


def test_its_files_reach_workers_that_lack_them(
    cluster: None, my_net: str, write: Write, tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    write("my_net.py", NET + LOG.format(log=str(log)))
    nodes: Cluster = new_cluster()
    try:
        with starting(tmp_path, nodes.address) as start:
            (tmp_path / "space.py").write_text(f"from raypg import *\n{ABLATION}")
            driver = start()
            kept = "runs/space/own-*.zip"
            wait_until(lambda: driver.poll() or [*tmp_path.glob(kept)], limit_s=200)
            # What another machine lacks: Tune goes to the driver's folder where it is.
            (tmp_path / "my_net.py").unlink()
            (tmp_path / "layers.py").unlink()
            _, errors = driver.communicate(timeout=250)
            assert driver.returncode == 0, errors
    finally:
        nodes.shutdown()
    lines = log.read_text().splitlines()
    assert f"{tmp_path / 'my_net.py'} True" in lines
    assert [line for line in lines if "/own-" in line and line.endswith(" False")]
    rows = open_results(str(tmp_path / "runs")).trials("space")
    assert [row["status"] for row in rows] == ["completed"] * 2
    assert "layers.py" in json.loads(rows[0]["fingerprint.code"])
