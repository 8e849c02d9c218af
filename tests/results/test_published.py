"""Published errors beside ours: what is subtracted, and what is said of it."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raypg.commands.options import Form
from raypg.commands.tables import published
from raypg.errors import ResultsError
from raypg.results.append import SweepWriter
from raypg.results.effects import find_effects
from raypg.results.published import describe_otherwise, read_published
from raypg.results.query import Results, open_store
from raypg.results.readable import print_answer
from raypg.results.report.content import read_report
from raypg.results.show_published import print_published
from tests.results.sweeps import new_store, trial_row, write

SMALLER = {"data.name": ["cifar10", "digits"], "train.epochs": [300, 2]}
STATED = [
    {"arm": "dense", "source": "A, table 2", "error": 5.0, "changed": {}},
    {"arm": "res", "source": "A, table 2", "error": 7.5, "changed": {}},
    {"arm": "res", "source": "B", "error": 8.0, "changed": {}},
    {"arm": "gone", "source": "B", "error": 9.0, "changed": {}},
]


def sweep(folder: Path, stated: list[dict[str, object]] = STATED) -> Results:
    """Three seeds of `dense`, one of `res` and a failed one; the tested ones differ."""
    store = new_store(folder, "table", baseline="", arms=["x"], published=stated)
    rows = [
        trial_row(f"d{seed}", val__accuracy=value) | {"arm": "dense", "seed": seed}
        for seed, value in enumerate([0.94, 0.95, 0.96])
    ]
    rows += [trial_row("r0", val__accuracy=0.9) | {"arm": "res"}]
    rows += [trial_row("r1", "failed") | {"arm": "res", "seed": 1}]
    write(store, "table", trials=rows)
    writer = SweepWriter(store, "table")
    for trial, accuracy in (("d0", 0.93), ("d1", 0.93), ("d2", 0.93), ("r0", 0.91)):
        row = {"trial": trial, "attempt": 0, "epoch": 3, "test.accuracy": accuracy}
        writer.append("test_results", row)
    writer.close(compact=True)
    return open_store(store)


def test_each_published_error_has_ours_and_the_difference(tmp_path: Path) -> None:
    dense, res, again, gone = read_published(sweep(tmp_path), "table")
    assert dense.error is not None
    assert dense.error.mean == pytest.approx(0.05)
    # Student's t of three: 4.303 times 0.01 over the root of 3.
    assert dense.error.low == pytest.approx(0.05 - 0.02484, abs=1e-5)
    assert dense.difference == pytest.approx(0.0)
    assert (res.num_seeds, res.num_trials) == (1, 2)
    assert res.difference == pytest.approx(0.025)
    assert again.source == "B"
    assert again.difference == pytest.approx(0.02)
    assert (gone.error, gone.difference, gone.num_trials) == (None, None, 0)


def test_test_errors_are_shown_only_where_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = sweep(tmp_path)
    print_answer(results, "table")
    said = capsys.readouterr().out
    assert "our validation error (%)" in said
    assert "validation errors at the last epoch, not test errors" in said
    assert "`results published table --test` has" in said
    assert "7.00 " not in said
    print_published(results, "table", with_test=True)
    said = capsys.readouterr().out
    assert "our test error (%)" in said
    assert "test errors of each trial's best epoch by validation" in said
    (line,) = [line for line in said.splitlines() if line.startswith("dense")]
    assert line.split()[:5] == ["dense", "3", "7.00", "5.00", "+2.00"]


def test_what_is_not_as_published_comes_before_the_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {**SMALLER, "train.epochs": [182, 2]}
    stated = [
        {**STATED[0], "changed": SMALLER},
        {**STATED[1], "changed": other},
        {**STATED[3], "changed": {"train.epochs": [300, 2]}},
    ]
    results = sweep(tmp_path, stated)
    lines = describe_otherwise(read_published(results, "table"))
    assert lines == [
        "not as stated: data.name=digits in place of cifar10 (2 of 3 arms)",
        "not as stated: train.epochs=2 in place of 300 or 182",
        "not the published images: a difference says that it runs, and no more",
        "left out: 1 of 5 trials have no such number",
    ]
    print_published(results, "table")
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == lines
    assert said[5].startswith("arm ")


def test_what_is_as_published_has_nothing_to_be_said(tmp_path: Path) -> None:
    assert describe_otherwise(read_published(sweep(tmp_path), "table")[:1]) == []


@pytest.mark.parametrize("form", ["json", "csv"])
def test_machines_get_ratios(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    stated = [{**STATED[0], "changed": SMALLER}]
    print_published(sweep(tmp_path, stated), "table", form)
    said = capsys.readouterr().out
    reader = csv.DictReader(io.StringIO(said))
    (row,) = json.loads(said) if form == "json" else [*reader]
    assert float(row["published"]) == 0.05
    assert float(row["error"]) == pytest.approx(0.05)
    assert (row["arm"], row["split"]) == ("dense", "val")
    assert "train.epochs=2" in row["changed"]


@pytest.mark.parametrize(
    ("form", "cells"),
    [
        ("latex", r"res & 1 & 10.00 & 7.50 & $+2.50$ & A, table 2 \\"),
        ("markdown", "| dense |     3 |              5.00 ± 2.48 | "),
    ],
)
def test_a_paper_gets_the_table_with_its_notes(
    tmp_path: Path, form: str, cells: str
) -> None:
    results, out = sweep(tmp_path), tmp_path / "table.txt"
    published("table", False, results.store.uri, Form(form), str(out))
    text = out.read_text("utf-8")
    assert "left out: 1 of 5 trials have no such number" in text
    assert cells in text
    assert "± half-width of the 95 % interval" in text


def test_a_sweep_that_states_none_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="table: must state published errors"):
        read_published(sweep(tmp_path, []), "table")


def test_without_a_named_baseline_nothing_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = sweep(tmp_path)
    print_answer(results, "table")
    said = capsys.readouterr().out
    assert "The space names no arm as the baseline, so that none is compared" in said
    rows = results.trials("table")
    effects = find_effects(rows, "val.accuracy", [], "")
    assert [one.name for one in effects] == ["dense", "res"]
    assert all(one.paired is None and not one.is_baseline for one in effects)
    named = find_effects(rows, "val.accuracy", [], "res")
    assert [one.is_baseline for one in named] == [False, True]
    assert named[0].paired is not None


def test_a_report_has_the_table_without_test_errors(tmp_path: Path) -> None:
    results = sweep(tmp_path)
    report = read_report(results, "table", datetime.now(UTC))
    beside, arms = report.comparisons
    assert beside.name == "Published test errors beside ours"
    assert [cell.text for cell in beside.rows[0]][:4] == [
        "dense",
        "3",
        "5.00 ± 2.48",
        "5.00",
    ]
    assert "left out: 1 of 5 trials" in beside.note
    assert arms.name == "Arms, none of which was named as the baseline"
