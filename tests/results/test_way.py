"""What a path sweep says from its tables: on a terminal and in a paper."""

from pathlib import Path

import pytest

from raypg.results import Results, summarise
from raypg.results.__main__ import main
from raypg.results.paper import build_paper_table
from tests.command import Command
from tests.results.pictured import way_rows, write_trials, write_way


@pytest.fixture
def way(tmp_path: Path) -> Results:
    return write_way(tmp_path)


def test_show_tells_the_way_and_not_each_place(
    way: Results, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Command(main, way.store.uri, capsys, monkeypatch)("show", "explain")
    assert shown.code == 0
    lines = [line.split() for line in shown.out.splitlines()]
    (first,) = [line for line in lines if line[:1] == ["model.hidden=32"]]
    assert first[1:7] == ["72.33", "±", "5.17", "%", "+20.33", "±"]
    assert first[-1] == "+" * 20  # of the 30 that span the lowest and the highest
    (last,) = [line for line in lines if line[:1] == ["all"]]
    assert last[-1] == "+" * 29
    assert "Holm's correction for 3 steps: model.hidden=32 (p < 0.001)" in shown.out
    assert 'sql "select arm, avg(val.accuracy)' in shown.out
    assert "baseline" not in shown.out


def test_the_steps_are_rows_for_whoever_asks(way: Results) -> None:
    summary = summarise(way, "explain")
    assert [row["change"] for row in summary.rows] == [
        "start",
        "model.hidden=32",
        "optimizer.lr=0.3",
        "train.batch_size=32",
        "all",
    ]
    gains = [row["difference"] for row in summary.rows]
    assert gains[0] is None
    assert gains[1:] == pytest.approx([0.20333, 0.1, -0.00667, 0.29667], abs=1e-5)


def test_a_paper_has_the_steps_with_their_notes(way: Results) -> None:
    table = build_paper_table(way, "explain")
    assert table.rows[1]["change"] == "model.hidden=32"
    assert table.rows[1]["difference (points)"] == "+20.33 ± 1.43"
    assert table.rows[1]["p"] == "<0.001"
    assert table.rows[0]["difference (points)"] is None
    assert "over 3 seeds a place" in table.notes[0]
    assert "Difference to the place before (of all: to the start)" in table.notes[1]


def test_a_way_of_which_only_the_start_is_there_claims_nothing(tmp_path: Path) -> None:
    rows = [row for row in way_rows() if row["arm"] == "start"]
    summary = summarise(write_trials(tmp_path, rows, [], kind="path"), "few")
    assert [row["change"] for row in summary.rows] == ["start"]
    assert summary.sentence == "The way has no step with a number yet."
