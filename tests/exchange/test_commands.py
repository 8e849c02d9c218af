"""`export`, `import` and `card`, as they are typed."""

import json
from pathlib import Path

import pytest

from raypg.commands.exchange import Origin, Target
from raypg.exchange import EXPORTS, IMPORTS, SIGNS
from raypg.results.__main__ import main
from raypg.store import Store
from tests.command import Command
from tests.exchange.sweeps import new_search, results
from tests.exchange.tune_folder import write_trial
from tests.results.sweeps import new_store

__all__ = ["results"]

CSV = """lr,depth,seed,val_acc
0.1,22,0,0.5
0.1,22,1,0.7
0.2,40,0,0.9
"""


@pytest.fixture
def old_csv(tmp_path: Path) -> str:
    path = tmp_path / "old.csv"
    path.write_text(CSV)
    return str(path)


def test_every_format_may_be_named() -> None:
    assert [*Target] == [*EXPORTS]
    assert [*Origin] == [*IMPORTS] == [*SIGNS]


@pytest.mark.parametrize("target", ["tensorboard", "tune", "optuna"])
def test_an_export_says_what_it_wrote_and_what_opens_it(
    results: Command, tmp_path: Path, target: str
) -> None:
    new_search(tmp_path)
    out = tmp_path / "my runs" / "out"
    said = results("export", "lr", "--to", target, "--out", str(out))
    assert (said.code, said.err) == (0, "")
    first, second = said.out.splitlines()
    assert first == f"lr: 4 trials, 7 epochs → {out}"
    assert second.startswith("Open with: ")
    again = results("export", "lr", "--to", target, "--out", str(out))
    assert again.code == 2
    assert again.err.count("\n") == 1
    assert "must be new or empty" in again.err


def test_a_sweep_without_trials_is_one_line(results: Command, tmp_path: Path) -> None:
    new_store(tmp_path, "empty")
    said = results("export", "empty", "--to", "tune", "--out", str(tmp_path / "out"))
    assert (said.code, said.out) == (0, "empty has no trial yet: nothing is written.\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "lr", "--to", "excel", "--out", "x"), "'excel' is not one of"),
        (("export", "lrr", "--to", "tune", "--out", "x"), 'Did you mean "lr"'),
        (("export", "lr", "--to", "tune"), "Missing option '--out'"),
        (("import", "nowhere.csv", "--name", "x"), "found no such file"),
        (("import", "nowhere.csv"), "Missing option '--name'"),
        (("import", "x.csv", "--name", "lr"), "--name lr: must be new"),
        (("import", "x.csv", "--name", "../x"), "must start with a letter"),
        (("card", "lr", "--trial", "zz"), "must start the id of one trial"),
    ],
)
def test_a_mistake_is_one_line(
    results: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    new_search(tmp_path)
    said = results(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert message in said.err


def test_an_import_prints_what_was_taken_as_what(
    results: Command, old_csv: str
) -> None:
    said = results("import", old_csv, "--name", "old")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[:6] == [
        "in the file  taken as",
        "lr           config.lr",
        "depth        config.depth",
        "seed         seed",
        "val_acc      val.accuracy (the metric, max)",
        "",
    ]
    assert "old: 3 trials (3 completed), 0 epochs, from old.csv." in said.out


def test_the_other_commands_take_an_import_as_any_sweep(
    results: Command, old_csv: str
) -> None:
    results("import", old_csv, "--name", "old", "--from", "csv")
    (line,) = json.loads(results("ls", "--format", "json").out)
    assert (line["sweep"], line["kind"], line["state"]) == ("old", "import", "ended")
    assert (line["completed"], line["best"], line["metric"]) == (3, 0.9, "val.accuracy")
    shown = results("show", "old").out
    assert "old: import, ended" in shown
    assert "imported: from old.csv" in shown
    assert "reached val.accuracy 90.00 % with lr=0.2 depth=40" in shown
    (best,) = json.loads(results("best", "old", "--format", "json").out)
    assert (best["config.depth"], best["imported"]) == (40, "line 4")
    query = "select arm, count(*) as seeds from trials group by all order by all"
    rows = json.loads(results("sql", query, "--format", "json").out)
    assert [row["seeds"] for row in rows] == [2, 1]
    assert "Another tool has trained it" in results("card", "old").out


def test_a_failed_trial_of_an_import_is_not_offered_again(
    results: Command, tmp_path: Path
) -> None:
    path = tmp_path / "old.csv"
    path.write_text("lr,status,val_acc\n1,failed,\n")
    assert results("import", str(path), "--name", "old").code == 0
    shown = results("show", "old").out
    assert "1 trial failed" in shown
    assert "--resume" not in shown


def test_nobody_goes_on_with_an_import(
    results: Command, tune: Command, old_csv: str
) -> None:
    assert results("import", old_csv, "--name", "old").code == 0
    said = tune("--resume", "old")
    assert said.code == 2
    assert "found (import). Another tool has run it." in said.err


def test_the_faults_of_a_file_are_told_and_nothing_is_written(
    results: Command, tmp_path: Path
) -> None:
    path = tmp_path / "old.csv"
    path.write_text("lr,seed,acc\n1,x,0.5\n2,0.5,0.9\n")
    said = results("import", str(path), "--name", "old")
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 3
    assert results.is_untouched()


def test_the_format_is_told_from_the_path(results: Command, tmp_path: Path) -> None:
    write_trial(tmp_path / "exp", "a_0", {"lr": 1}, [{"loss": 0.5}])
    arguments = ("--name", "tuned", "--metric", "val.loss=loss")
    assert results("import", str(tmp_path / "exp"), *arguments).code == 0
    new_search(tmp_path / "other")
    out = str(tmp_path / "study.log")
    other = Command(
        main,
        str(tmp_path / "other" / "runs"),
        results.capsys,
        results.monkeypatch,
    )
    assert other("export", "lr", "--to", "optuna", "--out", out).code == 0
    assert results("import", out, "--name", "studied").code == 0
    assert Store(results.store).sweeps() == ["studied", "tuned"]
    (tmp_path / "notes.txt").write_text("text")
    said = results("import", str(tmp_path / "notes.txt"), "--name", "x")
    assert "say which with --from optuna | tune | csv" in said.err


def test_a_card_is_printed_or_written(results: Command, tmp_path: Path) -> None:
    new_search(tmp_path)
    printed = results("card", "lr").out
    assert printed.startswith("---\nlibrary_name: pytorch\n")
    out = tmp_path / "card.md"
    for before in (None, "an older card"):
        if before is not None:
            out.write_text(before)
        said = results("card", "lr", "--out", str(out))
        assert (said.code, said.out) == (0, "")
        assert out.read_text() == printed
    # What goes wrong leaves it as it is, and there is no folder that nobody asked for.
    assert results("card", "rl", "--out", str(out)).code == 2
    assert out.read_text() == printed
    said = results("card", "lr", "--out", str(tmp_path / "new" / "card.md"))
    assert (said.code, said.out) == (2, "")
    assert "must lie in a folder that exists" in said.err
