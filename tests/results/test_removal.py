"""Sweeps that are deleted, and those that may not be."""

import io
from contextlib import closing
from pathlib import Path

import pytest

from raypg.results.__main__ import main
from raypg.store import Store
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """`first`, `second`, which took a trial from it, and `other`."""
    store = new_store(tmp_path, "first", "second", "other")
    write(store, "first", trials=[trial_row("a"), trial_row("b")])
    write(store, "second", trials=[trial_row("a", "cached", source_sweep="first")])
    write(store, "other", trials=[trial_row("c")])
    return store


@pytest.fixture
def results(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    return Command(main, store.uri, capsys, monkeypatch)


def test_a_sweep_is_gone_with_all_that_it_holds(store: Store, results: Command) -> None:
    said = results("rm", "other", "--yes")
    assert (said.code, said.out) == (0, "removed other\n")
    assert store.sweeps() == ["first", "second"]
    assert not Path(store.path("other")).exists()


def test_what_another_sweep_needs_stays_unless_both_go(
    store: Store, results: Command
) -> None:
    said = results("rm", "first", "--yes")
    assert said.code == 2
    assert "first: must hold no trial that another sweep has taken" in said.err
    assert "found second." in said.err
    assert results("rm", "second", "first", "second", "--yes").code == 0
    assert store.sweeps() == ["other"]


def test_force_leaves_rows_without_epochs(store: Store, results: Command) -> None:
    assert results("rm", "first", "--yes", "--force").code == 0
    assert store.sweeps() == ["other", "second"]
    assert results("show", "second").code == 0


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_nothing_goes_where_one_name_is_wrong(
    store: Store, results: Command, force: tuple[str, ...]
) -> None:
    said = results("rm", "other", "frist", "--yes", *force)
    assert said.code == 2
    assert 'Did you mean "first"?' in said.err
    assert len(store.sweeps()) == 3


def test_a_sweep_that_a_process_writes_stays(store: Store, results: Command) -> None:
    with closing(store.lock_sweep("other")):
        said = results("rm", "other", "--yes")
    assert said.code == 2
    assert "must be written by one process" in said.err
    assert "other" in store.sweeps()


def test_it_asks_a_person_and_needs_a_yes_from_a_pipe(
    store: Store, results: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    said = results("rm", "other")
    assert (said.code, "Say --yes." in said.err) == (2, True)
    for answer, code in (("n\n", 1), ("y\n", 0)):
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", terminal)
        assert results("rm", "other").code == code
    assert store.sweeps() == ["first", "second"]
