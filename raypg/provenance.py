"""With what, and from which commit, a trial was trained."""

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from raypg.git import code_folder, say_git, untracked_modules


@lru_cache(maxsize=1)
def provenance() -> dict[str, str | bool | None]:
    """Versions and the git state of the code, as columns of `trials`.

    What cannot be told is None: outside a repository there is no commit.
    """
    folder = code_folder()
    return {
        "versions.python": platform.python_version(),
        "versions.raypg": _version("raypg"),
        "versions.torch": _version("torch"),
        "versions.ray": _version("ray"),
        "versions.cuda": _cuda_version(),
        "git.commit": say_git(folder, "rev-parse", "HEAD") or None,
        "git.dirty": _is_dirty(folder),
    }


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


def _is_dirty(folder: Path) -> bool | None:
    """Whether a checkout of the commit would be other code."""
    status = say_git(folder, "status", "--porcelain", "--untracked-files=no")
    return None if status is None else bool(status or untracked_modules())
