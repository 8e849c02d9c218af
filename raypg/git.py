"""What git says of the code that trains; None where it cannot be asked."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

PACKAGE = Path(__file__).parent

LIMIT_S = 5
"""Longest wait for an answer."""


def code_folder() -> Path:
    """Where to ask git for the commit of the code that trains.

    The package's own folder, where that is in a checkout; else the package is
    installed, and the working folder is what tells most: a user's space lives there.
    A package that a repository merely holds, as in a `.venv`, is none of its files.
    """
    return PACKAGE if _is_checkout() else Path.cwd()


def untracked_modules() -> list[Path]:
    """Modules of the package that git does not track, where it tracks the package."""
    if not _is_checkout():
        return []
    said = read_git(PACKAGE, "ls-files", "--others", "-z", "--", "*.py") or b""
    own = PACKAGE.resolve()
    return [own / os.fsdecode(name) for name in said.split(b"\0") if name]


def is_tracked(folder: Path, file: Path) -> bool:
    """Whether git tracks a file of the repository that holds the folder."""
    return say_git(folder, "ls-files", "--error-unmatch", "--", str(file)) is not None


def say_git(folder: Path, *arguments: str) -> str | None:
    """What git says, as a text without its last line's end."""
    said = read_git(folder, *arguments)
    return None if said is None else said.decode(errors="replace").strip()


def read_git(
    folder: Path, *arguments: str, good: Collection[int] = (0,)
) -> bytes | None:
    """What git says, to the last byte.

    Args:
        folder: where to ask.
        arguments: of `git`.
        good: exit codes of an answer.
    """
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            cwd=folder,
            timeout=LIMIT_S,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode in good else None


def _is_checkout() -> bool:
    return is_tracked(PACKAGE, PACKAGE / "__init__.py")
