"""With what, and from which commit, a trial was trained."""

import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from raypg.store import Store

CHANGES = "code.diff"
"""In a sweep's folder: `git apply` makes the code of it that its commit lacks."""
MOST_CHANGES_BYTES = 1_000_000

_DIFF = (
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),
    *("-c", "diff.relative=false", "diff", "--binary", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "HEAD"),
)
"""A patch that `git apply` takes, whatever a person has configured."""


@lru_cache(maxsize=1)
def provenance() -> dict[str, str | bool | None]:
    """Versions and the git state of the code, as columns of `trials`.

    What cannot be told is None: outside a repository there is no commit.
    """
    folder = code_folder(Path(__file__).parent)
    return {
        "versions.python": platform.python_version(),
        "versions.raypg": _version("raypg"),
        "versions.torch": _version("torch"),
        "versions.ray": _version("ray"),
        "versions.cuda": _cuda_version(),
        "git.commit": _git(folder, "rev-parse", "HEAD") or None,
        "git.dirty": _is_dirty(folder),
    }


def keep_changes(store: Store, sweep: str) -> None:
    """Keep what the code has beside its commit, as `<sweep>/code.diff`.

    Nothing is kept of a clean checkout, nor of more than a megabyte of changes.

    Args:
        store: where the sweep lives.
        sweep: its name.
    """
    if not provenance()["git.dirty"]:
        return
    changes = _read_git(code_folder(Path(__file__).parent), *_DIFF)
    if changes and len(changes) <= MOST_CHANGES_BYTES:
        store.write_whole(f"{sweep}/{CHANGES}", changes)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cuda_version() -> str | None:
    """What torch was built for, read from its files: importing it takes a second."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).with_name("version.py")
    for line in file.read_text().splitlines():
        if line.startswith("cuda"):
            text = line.partition("=")[2].strip().strip("'\"")
            return None if text == "None" else text
    return None


def code_folder(package: Path) -> Path:
    """Where to ask git for the commit of the code that trains.

    The package's own folder, where that is in a checkout; else the package is
    installed, and the working folder is what tells most: a user's space lives there.
    A package that a repository merely holds, as in a `.venv`, is none of its files.
    """
    is_tracked = _git(package, "ls-files", "--error-unmatch", "__init__.py") is not None
    return package if is_tracked else Path.cwd()


def _is_dirty(folder: Path) -> bool | None:
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return None if status is None else bool(status)


def _git(folder: Path, *arguments: str) -> str | None:
    said = _read_git(folder, *arguments)
    return None if said is None else said.decode(errors="replace").strip()


def _read_git(folder: Path, *arguments: str) -> bytes | None:
    """What git says, to the last byte; None where it cannot be asked."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            cwd=folder,
            timeout=5,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
