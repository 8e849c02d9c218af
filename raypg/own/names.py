"""How a user's own component is named, and what of the name holds on all machines."""

import os
from pathlib import Path, PurePath

MARK = ":"
"""Stands between the file or module and what it defines; no name of ours has one."""


def is_own(name: object) -> bool:
    """Whether a name stands for something of the user's."""
    return isinstance(name, str) and MARK in name


def split_name(name: str) -> tuple[str, str]:
    """The file (it ends in `.py`) or the module, and what it defines."""
    place, _, member = name.rpartition(MARK)
    return place.strip(), member.strip()


def is_file(place: str) -> bool:
    """Whether a place is a file; a module otherwise."""
    return place.endswith(".py")


def own_name(name: str) -> str:
    """The name as configs hold it: a file within the working folder is relative to it.

    Args:
        name: as it was typed.
    """
    place, member = split_name(name)
    if is_file(place):
        path = Path(os.path.normpath(Path(place).expanduser()))
        if path.is_absolute() and path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())
        place = path.as_posix()
    return f"{place}{MARK}{member}"


def portable_name(name: str) -> str:
    """The name without the folder, which differs from one machine to the next.

    A name of ours is what it is.
    """
    if not is_own(name):
        return name
    place, member = split_name(name)
    return f"{PurePath(place).name if is_file(place) else place}{MARK}{member}"
