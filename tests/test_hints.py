"""Commands that are printed for a person to copy: a shell takes them as they are."""

import shlex
from pathlib import Path

import pytest
import typer

from raypg.cluster.ending import Ending
from raypg.cluster.sweep import Finished
from raypg.errors import StoreError
from raypg.results import open_results
from raypg.results.answer import summarise
from raypg.solo import session
from raypg.store import Store
from raypg.train import main
from raypg.tune import _finish
from tests.books import new_ledger
from tests.command import Command
from tests.results.sweeps import new_store, trial_row, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A sweep in a folder whose name is two words."""
    store = new_store(tmp_path / "my runs", "depth")
    write(store, "depth", trials=[trial_row("a", val__accuracy=0.5)])
    return store


def words_after(text: str, start: str) -> list[str]:
    """The command behind `start`, as a shell cuts it."""
    (line,) = [line for line in text.splitlines() if start in line]
    return shlex.split(line.partition(start)[2])


@pytest.mark.parametrize(
    ("address", "last"), [("", []), ("ray://host:1", ["--address", "ray://host:1"])]
)
def test_a_sweep_says_how_to_go_on_with_it(
    store: Store, address: str, last: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ending = Ending(reason="SIGINT")
    with pytest.raises(typer.Exit):  # noqa: PT011 it has no message
        _finish(Finished(store, "depth", ending, new_ledger()), address)
    words = words_after(capsys.readouterr().err, "Go on with: python -m raypg.tune ")
    assert words == ["--resume", "depth", "--store", store.uri, *last]


def test_an_answer_says_how_to_ask_further(store: Store) -> None:
    command = summarise(open_results(store), "depth").query_command
    assert shlex.split(command)[-2:] == ["--store", store.uri]


def test_a_name_that_is_taken_says_how_to_go_on(store: Store) -> None:
    for refuse in (store.create_sweep, lambda name: session._check_new(store, name)):
        with pytest.raises(StoreError, match="go on with it") as error:
            refuse("depth")
        words = words_after(str(error.value), "go on with it: ")
        assert words[-2:] == ["--store", store.uri]


def test_a_space_that_is_no_override_is_named_for_a_shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Command(main, str(tmp_path / "runs"), capsys, monkeypatch)
    said = train("my space.py")
    assert "python -m raypg.tune 'my space.py'" in said.err
