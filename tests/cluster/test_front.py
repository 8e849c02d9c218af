"""A real search with two metrics: trained, printed, resumed, taken from the store."""

import json
from pathlib import Path

import pytest

from raypg.results import __main__ as command_line
from raypg.results import open_results
from raypg.results.front import find_front, read_front
from tests.command import Command
from tests.conftest import RunSpace, resume

SPACE = """
SPACE = Search(
    base={"model.name": "mlp", "train.epochs": 2, "data.fraction": 0.5},
    axes={"model.hidden": integer(2, 64, log=True),
          "optimizer.lr": log_uniform(1e-3, 0.5)},
    trials=12,
    sampler="nsga2",
    metrics=("val.accuracy", "num_parameters"),
)
"""
MORE = ("trials=12", "trials=16")


@pytest.mark.slow
def test_a_search_with_two_metrics_has_a_front(
    run_space: RunSpace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = run_space(SPACE)
    results, name = open_results(first.store), first.sweep
    about = first.store.read_description(name)
    assert about["metrics"] == ["val.accuracy:max", "num_parameters:min"]
    rows = results.trials(name)
    assert [row["status"] for row in rows] == ["completed"] * 12
    points = [(row["val.accuracy"], row["num_parameters"]) for row in rows]
    wanted = {rows[i]["trial"] for i in find_front(points, ("max", "min"))}
    front = read_front(results, name)
    assert {one.label for one in front.members} == wanted
    assert min(size for _, size in points) in {one.values[1] for one in front.members}

    ask = Command(command_line.main, first.store.uri, capsys, monkeypatch)
    said = f"Pareto front: {len(wanted)} of 12 trials, for the highest val.accuracy and"
    for command in ("show", "best", "front"):
        assert said in ask(command, name).out
    listed = json.loads(ask("best", name, "--format", "json").out)
    assert [one["trial"] for one in listed] == [one.label for one in front.members]
    assert isinstance(listed[0]["num_parameters"], int)
    one = ask("best", name, "--metric", "val.accuracy", "--format", "json").out
    assert json.loads(one)[0]["val.accuracy"] == max(points)[0]
    assert ask("best", name, "--test").code == 2

    # Another sweep of the same space trains nothing, and draws the same.
    again = run_space(SPACE)
    hits = results.trials(again.sweep)
    assert {row["status"] for row in hits} == {"cached"}
    assert [row["trial"] for row in hits] == [row["trial"] for row in rows]
    told = read_front(results, again.sweep)
    assert [one.values for one in told.members] == [o.values for o in front.members]

    # With more trials, in a later session: what ended is told again.
    (tmp_path / "more.py").write_text(f"from raypg import *\n{SPACE.replace(*MORE)}")
    assert resume(first, space=str(tmp_path / "more.py")).exit_code == 0
    grown = results.trials(name)
    assert [row["trial"] for row in grown[:12]] == [row["trial"] for row in rows]
    assert len(grown) == 16

    warm = run_space(SPACE.replace("sampler", f'warm_start=("{name}",), sampler'))
    known = first.store.read_description(warm.sweep)["known"]
    assert {tuple(one["beside"]) for one in known} == {
        (float(row["num_parameters"]),) for row in grown
    }
