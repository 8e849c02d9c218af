"""Small repositories of code that is said to train."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypg.provenance import provenance


def run_git(folder: Path, *arguments: str) -> str:
    """What git says in a folder; an error where it fails."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.strip()


def new_repository(folder: Path, *tracked: str) -> str:
    """A repository with some empty files; the hash of its commit."""
    folder.mkdir(exist_ok=True)
    run_git(folder, "init", "--quiet")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        run_git(folder, "add", name)
    run_git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return run_git(folder, "rev-parse", "HEAD")


TRACKED = ("raypg/__init__.py", "raypg/optim.py", "raypg/latin.py", "raypg/image.bin")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout that this process takes for that of the package."""
    code = tmp_path / "code"
    new_repository(code, *TRACKED)
    monkeypatch.setattr("raypg.git.PACKAGE", code / "raypg")
    provenance.cache_clear()
    yield code
    provenance.cache_clear()
