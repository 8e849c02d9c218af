"""`python -m raypg.results`, as a user and as a script read it."""

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from raypg.results import SweepWriter
from raypg.results import __main__ as command_line
from raypg.results.output import format_cell, print_rows
from raypg.store import Store
from tests.results.sweeps import epoch_row, new_store, trial_row, write


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = new_store(
        tmp_path, "depth", command=["depth.py", "seed=1"], axes=["model.depth"]
    )
    rows = [
        trial_row("a", val__accuracy=0.5, config__model__depth=22),
        trial_row("b", val__accuracy=0.9, config__model__depth=40),
        trial_row("c", "failed", status_reason="loss is NaN", config__model__depth=58),
    ]
    write(store, "depth", trials=rows, epochs=[epoch_row("a", 1, lr=float("nan"))])
    monkeypatch.setenv("RAYPG_STORE", store.uri)
    return store


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["raypg.results", *arguments])
    try:
        command_line.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.usefixtures("store")
def test_ls_counts_the_trials(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "ls", "--format", "json") == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["sweep"], line["trials"], line["failed"]) == ("depth", 3, 1)
    assert (line["metric"], line["best"]) == ("val.accuracy", 0.9)


@pytest.mark.usefixtures("store")
def test_show_tells_what_failed_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "show", "depth") == 0
    out = capsys.readouterr().out
    assert "command: python -m raypg.tune depth.py seed=1" in out
    assert "3 (2 completed, 0 cached, 0 stopped early, 1 failed, 0 unfinished)" in out
    assert "failed: c (c): loss is NaN" in out
    assert "config.model.depth" in out
    assert "one seed says nothing about noise" in out
    assert _run(monkeypatch, "show", "depth", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["config.model.depth"] for row in rows] == ["22", "40", "58"]


@pytest.mark.usefixtures("store")
def test_best_is_one_trial(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "best", "depth", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["trial"] == "b"
    assert _run(monkeypatch, "best", "depth") == 0
    assert "config.model.depth  40" in capsys.readouterr().out
    assert _run(monkeypatch, "best", "depth", "--metric", "best.val.accuracy") == 2


def test_best_has_a_test_number_only_where_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = SweepWriter(store, "depth")
    test = {"trial": "b", "epoch": 3, "test.accuracy": 0.875, "test.loss": 0.5}
    writer.append("test_results", test | {"attempt": 0})
    writer.close()
    for form in ("table", "json", "csv", "markdown"):
        assert _run(monkeypatch, "best", "depth", "--format", form) == 0
        assert "test." not in capsys.readouterr().out
    assert _run(monkeypatch, "best", "depth", "--test", "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["test.accuracy"], row["selected_from"]) == (0.875, 2)
    assert _run(monkeypatch, "best", "depth", "--test") == 0
    assert "selected_from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "trial"),
    [
        (("--metric", "val.loss"), "a"),
        (("--metric", "val.loss", "--mode", "max"), "b"),
        (("--mode", "min"), "a"),
    ],
)
def test_the_best_loss_is_the_least(
    store: Store,
    more: tuple[str, ...],
    trial: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        trial_row("a", val__accuracy=0.5, val__loss=0.1),
        trial_row("b", val__accuracy=0.9, val__loss=0.2),
    ]
    write(store, "depth", trials=rows)
    assert _run(monkeypatch, "best", "depth", "--format", "json", *more) == 0
    assert json.loads(capsys.readouterr().out)[0]["trial"] == trial


@pytest.mark.usefixtures("store")
def test_a_mode_is_max_or_min(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "best", "depth", "--mode", "mxa") == 2
    assert "mxa" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["failed", "running", "interrupted", "stopped"])
def test_best_did_not_end_badly_or_early(
    store: Store,
    status: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(store, "depth", trials=[trial_row("d", status, val__accuracy=0.99)])
    assert _run(monkeypatch, "best", "depth", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["trial"] == "b"


@pytest.mark.usefixtures("store")
def test_json_tells_a_nan_from_a_missing_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select trial, lr, val from epochs"
    assert _run(monkeypatch, "sql", query, "--format", "json") == 0
    row = {"trial": "a", "lr": "NaN", "val.loss": None, "val.accuracy": None}
    assert json.loads(capsys.readouterr().out) == [row]
    assert math.isnan(float(row["lr"] or 0))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("json", '[{"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": null}]'),
        ("csv", "nan,inf,-inf,"),
        ("table", "nan  inf  -inf  -"),
        ("markdown", "| nan | inf | -inf |   - |"),
    ],
)
def test_every_form_tells_a_nan_from_a_missing_value(
    form: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": None}
    print_rows([row], list(row), form)
    assert capsys.readouterr().out.splitlines()[-1] == line


@pytest.mark.parametrize(
    ("sweeps", "trials"),
    [((), "abcd"), (("depth",), "abc"), (("width", "depth"), "abcd")],
)
def test_sql_reads_the_sweeps_that_are_named_or_all(
    store: Store,
    sweeps: tuple[str, ...],
    trials: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store.create_sweep("width")
    store.write_description("width", {"kind": "ablation"})
    write(store, "width", trials=[trial_row("d")])
    query = "select trial from trials order by all"
    options = [word for sweep in sweeps for word in ("--sweep", sweep)]
    assert _run(monkeypatch, "sql", query, "--format", "csv", *options) == 0
    assert capsys.readouterr().out.split() == ["trial", *trials]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "dept"], 'Did you mean "depth"?'),
        (["sql", "select dept from trials"], "Did you mean config.model.depth?"),
        (["sql", "select 1", "--sweep", "dept"], 'Did you mean "depth"?'),
        (["ls", "--store", "/nowhere/at/all"], "must exist"),
        (["ls", "--store", "ftp://host"], "s3://"),
        (["ls", "--store", ""], "must not be empty"),
        (["ls", "--format", "josn"], "'josn' is not one of 'table', 'json', 'csv'"),
        (["lst"], "No such command 'lst'"),
        ([], "Missing command"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _run(monkeypatch, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_a_pipe_gets_whole_cells_and_may_close_early(store: Store) -> None:
    query = "select repeat('x', 300) as long from range(100000)"
    command = [sys.executable, "-m", "raypg.results", "sql", query]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "long\n"
    assert process.stdout.readline() == "x" * 300 + "\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


def test_a_terminal_gets_a_table_that_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    print_rows([{"name": "x" * 60, "n": 1}], ["name", "n"], "table")
    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(lines).count("x") == 60


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "-"),
        (True, "true"),
        (1 / 3, "0.33333"),
        ([1, 2.0], "[1, 2]"),
        ("a\nb", "a b"),
    ],
)
def test_a_cell_is_short(value: object, cell: str) -> None:
    assert format_cell(value) == cell


def test_csv_quotes_lists_and_leaves_missing_cells_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows([{"a": [1, 2], "b": None, "c": True}], ["a", "b", "c"], "csv")
    assert capsys.readouterr().out == 'a,b,c\n"[1, 2]",,true\n'
