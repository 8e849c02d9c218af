"""Which commit a trial is said to come from."""

import subprocess
from pathlib import Path

import pytest

from raypg.provenance import CHANGES, code_folder, keep_changes, provenance
from raypg.store import Store


def new_repository(folder: Path, *tracked: str) -> str:
    """A repository with some files; the hash of its commit."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(folder), *who, *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.strip()

    folder.mkdir(exist_ok=True)
    git("init", "--quiet")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        git("add", name)
    git("commit", "--quiet", "--allow-empty", "--message", "x")
    return git("rev-parse", "HEAD")


def test_the_commit_is_that_of_the_checkout_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = new_repository(tmp_path / "code", "raypg/__init__.py")
    users = new_repository(tmp_path / "users")
    monkeypatch.chdir(tmp_path / "users")
    package = tmp_path / "code" / "raypg"
    assert code_folder(package) == package
    monkeypatch.setattr("raypg.provenance.__file__", str(package / "provenance.py"))
    found = provenance.__wrapped__()
    assert found["git.commit"] == commit != users
    assert found["git.dirty"] is False
    (package / "__init__.py").write_text("changed")
    assert provenance.__wrapped__()["git.dirty"] is True


def test_the_changes_that_are_kept_make_the_code_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, store = tmp_path / "code", Store(str(tmp_path / "runs"))
    new_repository(code, "raypg/__init__.py", "raypg/latin.py", "raypg/image.bin")
    changed = {
        "raypg/__init__.py": b"one\n\n  two  \n\n",
        "raypg/latin.py": "# Gr\xf6\xdfe".encode("latin-1"),
        "raypg/image.bin": bytes(range(256)),
    }
    for name, content in changed.items():
        (code / name).write_bytes(content)
    git = ["git", "-C", str(code)]
    for setting in ("diff.noprefix", "diff.relative"):
        subprocess.run([*git, "config", setting, "true"], check=True)
    subprocess.run([*git, "config", "color.ui", "always"], check=True)
    path = str(code / "raypg" / "provenance.py")
    monkeypatch.setattr("raypg.provenance.__file__", path)
    provenance.cache_clear()
    keep_changes(store, "sweep")
    provenance.cache_clear()
    patch = tmp_path / "runs" / "sweep" / CHANGES
    subprocess.run([*git, "checkout", "--quiet", "."], check=True)
    subprocess.run([*git, "apply", str(patch)], check=True)
    assert {name: (code / name).read_bytes() for name in changed} == changed


def test_an_installed_package_leaves_the_commit_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_repository(tmp_path)
    package = tmp_path / ".venv" / "raypg"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    assert code_folder(package) == tmp_path
