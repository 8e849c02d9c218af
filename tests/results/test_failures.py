"""`show` groups what failed by its cause."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from raypg.results import open_results, read_failures
from raypg.results.__main__ import main
from raypg.results.columns import CORE
from raypg.results.read import read_snapshot
from raypg.results.schema import core_schema
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write

ERROR = """Traceback (most recent call last):
  File "/site-packages/torch/nn/modules/module.py", line 1, in _call_impl
    return forward(*args)
  File "/home/me/my_net.py", line 12, in forward
    return x.view(3)
RuntimeError: shape"""
CUT = """Traceback (most recent call last):
  File "/home/me/my_net.py", line 12, in forward
    return x.view(3)
RuntimeError: shape"""
ROWS = [
    trial_row("a", number=0),
    trial_row("b", "failed", number=1, cause="nan", status_reason="loss is NaN"),
    trial_row("c", "failed", number=2, cause="code", error=ERROR),
    trial_row("d", "failed", number=3, cause="code", error="KeyError: 1"),
]


@pytest.fixture
def show(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    write(new_store(tmp_path, "depth"), "depth", trials=ROWS)
    return Command(main, str(tmp_path / "runs"), capsys, monkeypatch)


def test_text_shows_each_cause_with_its_first_traceback(show: Command) -> None:
    out = show("show", "depth").out
    again = f"python -m raypg.tune --resume depth --store {show.store} --retry-failed"
    indented = "".join(f"  {line}\n" for line in CUT.splitlines())
    assert "\ncode: 2 trials failed. " in out
    assert f"failed: c (c): RuntimeError: shape\n{indented}" in out
    assert f"run again with: {again} code\n" in out
    assert "\nnan: 1 trial failed. Try a smaller optimizer.lr" in out
    assert "failed: b (b): loss is NaN\n" in out
    assert out.index("code: 2") < out.index("nan: 1")
    assert "failed: d" not in out


def test_json_has_a_row_a_trial(show: Command) -> None:
    found = json.loads(show("show", "depth", "--format", "json").out)
    assert [row["trial"] for row in found] == ["a", "b", "c", "d"]


def test_a_sweep_without_failures_has_no_groups(show: Command, tmp_path: Path) -> None:
    write(new_store(tmp_path, "fine"), "fine", trials=ROWS[:1])
    assert (
        "failed" not in show("show", "fine").out.split("trials:")[1].split("\n", 1)[1]
    )


def test_a_store_from_before_causes_is_read_and_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, "old", "new")
    core_schema("trials")  # kept, so that what follows is not
    with monkeypatch.context() as before:
        for name in ("cause", "user_traceback"):
            before.delitem(CORE["trials"], name)
        rows = [{k: v for k, v in row.items() if k != "cause"} for row in ROWS]
        write(store, "old", trials=rows, compact=False)
    (live,) = read_snapshot(store, "old", "trials").live.values()
    assert not {"cause", "user_traceback"} & set(live.column_names)
    write(store, "new", trials=ROWS)
    results = open_results(store)
    (group,) = read_failures(results, "old")
    assert (group.cause, group.trials, group.traceback) == ("code", 3, "")
    found = results.sql("select sweep, cause, count(*) n from trials group by all")
    expected = pa.table(
        {
            "sweep": ["new", "new", "new", "old"],
            "cause": ["code", "nan", None, None],
            "n": [2, 1, 1, 4],
        }
    )
    order = [("sweep", "ascending"), ("cause", "ascending")]
    assert found.sort_by(order).to_pylist() == expected.to_pylist()
