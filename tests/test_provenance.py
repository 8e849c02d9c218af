"""Which commit a trial is said to come from."""

from pathlib import Path

import pytest

from raypg.git import code_folder
from raypg.provenance import provenance
from tests.repositories import checkout, new_repository, run_git

__all__ = ["checkout"]


def test_the_commit_is_that_of_the_checkout_that_trains(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = new_repository(tmp_path / "users")
    monkeypatch.chdir(tmp_path / "users")
    assert code_folder() == checkout / "raypg"
    found = provenance()
    assert found["git.commit"] == run_git(checkout, "rev-parse", "HEAD") != users
    assert found["git.dirty"] is False


@pytest.mark.parametrize("file", ["raypg/optim.py", "raypg/models/mine.py"])
def test_a_change_and_a_module_of_no_commit_make_it_dirty(
    checkout: Path, file: str
) -> None:
    (checkout / file).parent.mkdir(exist_ok=True)
    (checkout / "notes.txt").write_text("not of the package")
    assert provenance()["git.dirty"] is False
    provenance.cache_clear()
    (checkout / file).write_text("changed")
    assert provenance()["git.dirty"] is True


def test_an_installed_package_leaves_the_commit_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_repository(tmp_path)
    package = tmp_path / ".venv" / "raypg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("raypg.git.PACKAGE", package)
    assert code_folder() == tmp_path
    assert provenance.__wrapped__()["git.dirty"] is False
