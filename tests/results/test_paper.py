"""A sweep's answer as a paper prints it."""

from pathlib import Path

import pytest

from raypg.errors import ResultsError
from raypg.results.paper import build_paper_table, print_paper
from raypg.results.query import Results, open_store
from tests.results.sweeps import new_store, trial_row, write

ARMS = {22: [0.90, 0.91, 0.92], 40: [0.95, 0.959, 0.971], 58: []}


def _ablation(
    folder: Path, arms: dict[int, list[float]], metric: str = "val.accuracy"
) -> Results:
    store = new_store(folder, "depth", baseline="model.depth=22", metric=metric)
    rows = [
        trial_row(f"{arm}-{seed}", num_parameters=1000 * arm)
        | {"arm": f"model.depth={arm}", "seed": seed, metric: value}
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]
    failed = trial_row("f", "failed") | {"arm": "model.depth=58"}
    write(store, "depth", trials=[*rows, failed])
    return open_store(store)


def test_latex_has_each_arm_with_its_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_paper(_ablation(tmp_path, ARMS), "depth", "latex")
    lines = capsys.readouterr().out.splitlines()
    header = r"arm & seeds & val.accuracy (\%) & difference (points) & p (Holm) & "
    assert header + r"parameters \\" in lines
    low = r"model.depth=22 & 3 & $91.00 \pm 2.48$ & -- & -- & $22{,}000$ \\"
    high = r"model.depth=40 & 3 & $96.00 \pm 2.62$ & $+5.00 \pm 0.25$ & $<0.001$ & "
    none = r"model.depth=58 & 0 & -- & -- & -- & -- \\"
    assert {low, high + r"$40{,}000$ \\", none} <= {*lines}
    notes = [line for line in lines if line.startswith("% ")]
    assert notes[0] == (
        "% depth: val.accuracy at the last epoch, mean ± half-width of the 95 % "
        "interval (Student's t) over 3 seeds an arm."
    )
    assert notes[1].startswith("% Difference to model.depth=22, paired by seed")
    assert notes[2] == (
        "% Not alike: model.depth=58 (A) against the baseline (B): failed: 1 of 1 "
        "trials of A are left out."
    )
    assert notes[3].startswith("% model.depth matters: 40 beats 22")


def test_markdown_says_below_what_the_numbers_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_paper(_ablation(tmp_path, ARMS), "depth", "markdown")
    table, notes = capsys.readouterr().out.split("\n\n")
    assert len(table.splitlines()) == 5
    assert "96.00 ± 2.62 |        +5.00 ± 0.25 |  \\<0.001 |" in table
    assert "paired by seed" in notes


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path) -> None:
    table = build_paper_table(_ablation(tmp_path, {22: [0.9], 40: [0.95]}), "depth")
    assert [row["val.accuracy (%)"] for row in table.rows[:2]] == ["90.00", "95.00"]
    assert "one seed an arm, so without an interval" in table.notes[0]


def test_seeds_may_differ_and_a_loss_is_no_percentage(tmp_path: Path) -> None:
    arms = {22: [0.5, 0.6, 0.7], 40: [0.4, 0.3]}
    table = build_paper_table(_ablation(tmp_path, arms, "best.val.loss"), "depth")
    assert table.rows[0]["best.val.loss"] == "0.6000 ± 0.2484"
    assert table.rows[1]["difference"].startswith("-0.2000 ± ")
    assert "at the best epoch" in table.notes[0]
    assert "over 2 to 3 seeds" in table.notes[0]


def test_a_search_has_its_best_trials(tmp_path: Path) -> None:
    store = new_store(tmp_path, "lr", axes=["optimizer.lr"])
    store.write_description("lr", {"kind": "search", "axes": ["optimizer.lr"]})
    rows = [
        trial_row(f"t{n}", val__accuracy=n / 100, config__optimizer__lr=0.1 * n)
        | {"num_epochs": 3}
        for n in range(12)
    ]
    write(store, "lr", trials=rows)
    table = build_paper_table(open_store(store), "lr")
    assert len(table.rows) == 10
    assert table.rows[0]["val.accuracy (%)"] == "11.00"
    assert table.rows[0]["config.optimizer.lr"] == pytest.approx(1.1)
    assert "being the best of many, that number flatters" in table.notes[1]


@pytest.mark.parametrize("arms", [{}, {22: [None]}])
def test_a_sweep_without_numbers_makes_no_table(
    tmp_path: Path, arms: dict[int, list[float]]
) -> None:
    results = _ablation(tmp_path, arms)
    with pytest.raises(ResultsError, match=r"must have a trial with val\.accuracy"):
        build_paper_table(results, "depth")
