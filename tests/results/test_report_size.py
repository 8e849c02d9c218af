"""A report is a file that can be sent around, whatever its sweep was."""

import json
import re
from pathlib import Path

import pytest

from raypg.results import Results
from raypg.results.__main__ import main
from raypg.results.figures import FIGURES
from raypg.results.figures.on_screen import plotly_figure
from raypg.results.figures.source import read_source
from raypg.results.report import build_page, page
from raypg.results.report.content import read_report
from raypg.results.report.fit import MOST_BYTES, smaller
from raypg.results.report.tables import MOST_ROWS, trials_table
from tests.command import Command
from tests.results.pictured import (
    COMMON,
    at,
    curve,
    write_search,
    write_trials,
    write_way,
)
from tests.results.sweeps import Row, trial_row
from tests.results.test_report import NOW

MOST = 6_000_000
NUM_TRIALS = 2000
ENDS = ("completed", "completed", "completed", "stopped", "failed")
LONG = "a_setting_whose_name_is_as_long_as_that_of_a_file_in_a_deep_folder"


def many(
    kind: str, num_characters: int, num_epochs: int
) -> tuple[list[Row], list[Row]]:
    """Trials of every end, four seeds an arm, with names of so many characters."""
    rows, epochs = [], []
    for n in range(NUM_TRIALS):
        arm, seed = divmod(n, 4)
        value = 0.5 + (arm * 7919 % 500) / 2000 + seed / 500
        drawn = {f"optimizer.{LONG}_{i}": (arm * 31**i % 997) / 7 for i in range(3)}
        drawn |= {
            "model.width": arm % 10,
            "data.source": f"{'d' * 90}/{arm}/net.py:Net",
        }
        name = " ".join(f"{axis}={setting}" for axis, setting in drawn.items())
        trial, status = f"{n:016x}", ENDS[(n * 13 + arm) % len(ENDS)]
        rows.append(
            trial_row(trial, status)
            | COMMON
            | {f"config.{axis}": setting for axis, setting in drawn.items()}
            | {"arm": name.ljust(num_characters, "x")[-num_characters:], "seed": seed}
            | {"started": at(n), "finished": at(n + 3), "pid": n % 7, "number": n}
            | {"num_epochs": num_epochs, "val.accuracy": value, "val.loss": value}
            | {"best.val.accuracy": value, "best_epoch": 5, "train_s": n / 7}
            | {"num_parameters": 10**5 + n, "num_flops": 10**7 + n, "attempt": n % 2}
            | {"error": f"ValueError: {'e' * num_characters}", "cause": "code"}
        )
        epochs += curve(trial, [value * e / num_epochs for e in range(num_epochs)], n)
    if kind == "search":  # drawn once each
        rows = [
            row | {"arm": f"{row['arm'][:-5]}_{n:04d}"} for n, row in enumerate(rows)
        ]
    return rows, epochs


def write_many(
    folder: Path, kind: str, num_characters: int, num_epochs: int
) -> Results:
    rows, epochs = many(kind, num_characters, num_epochs)
    axes = [name[7:] for name in rows[0] if name.startswith("config.")]
    return write_trials(
        folder,
        rows,
        epochs,
        kind=kind,
        axes=axes,
        baseline=rows[0]["arm"],
        num_trials=NUM_TRIALS,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "num_characters", "num_epochs"),
    [("search", 200, 100), ("ablation", 200, 100), ("ablation", 5_000, 2)],
)
def test_a_file_of_thousands_of_trials_with_long_names_is_small(
    tmp_path: Path,
    kind: str,
    num_characters: int,
    num_epochs: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = write_many(tmp_path, kind, num_characters, num_epochs)
    out = tmp_path / "report.html"
    command = Command(main, results.store.uri, capsys, monkeypatch)
    assert command("report", "few", "--out", str(out)).code == 0
    content = out.read_bytes()
    assert len(content) < MOST
    text = content.decode()
    told = re.search(r"([\d,]+) of 2,000 trials are listed, the best first", text)
    assert told is not None
    listed = int(told[1].replace(",", ""))
    assert text.count("<tr>") >= listed >= 100
    if num_characters > 200:
        assert "Texts of more than 60 characters are cut in the middle." in text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["search", "ablation"])
def test_no_figure_takes_the_room_of_the_others(tmp_path: Path, kind: str) -> None:
    source = read_source(write_many(tmp_path, kind, 200, 3), "few")
    for name, one in FIGURES.items():
        for x in source.axes if name == "axis" else [""]:
            figure = one.build(source, x)
            size = len(json.dumps(plotly_figure(figure)))
            assert size < 250_000, (name, x, size)


def test_what_has_no_room_goes_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = write_search(tmp_path)
    said = "The page would be too large with it: `results figure` draws it into a file."
    whole = build_page(results, "asha", NOW)
    assert len(whole.encode()) < MOST_BYTES
    assert said not in whole
    room = len(whole.encode()) - 5_000
    monkeypatch.setattr(page, "MOST_BYTES", room)
    less = build_page(results, "asha", NOW)
    assert len(less.encode()) < room
    assert said in less
    assert whole.count("<figure") > less.count("<figure") > 0


def test_less_and_less_is_left_until_there_is_no_figure(tmp_path: Path) -> None:
    report = read_report(write_way(tmp_path), "explain", NOW)
    steps = [*smaller(report)]
    left = [len(step.figures) for step in steps]
    assert left == [len(report.figures) - gone for gone in range(len(steps))]
    assert left[-1] == 0
    assert len(steps[-1].missing) == len(report.missing) + len(report.figures)


def test_a_table_of_many_trials_keeps_the_best() -> None:
    rows = [
        trial_row(f"{n}", "stopped" if n % 2 else "completed")
        | {"val.accuracy": n / 10_000}
        for n in range(2 * MOST_ROWS + 2)
    ]
    table = trials_table(rows, "val.accuracy", "max", [], by_arm=False)
    assert len(table.rows) == MOST_ROWS
    assert table.rows[0][0].text == f"{2 * MOST_ROWS}"
    assert {row[1].text for row in table.rows} == {"completed"}
    assert "1,000 of 2,002 trials are listed, the best first" in table.note
