"""A traceback as far as it is the user's: what no one but its author can mend."""

import re
from pathlib import Path

_HEAD = "Traceback (most recent call last):"
_FRAME = re.compile(r'^  File "(?P<path>.*)", line \d+')
_NOT_OF_USERS = re.compile(
    r"/(site|dist)-packages/|/lib/python3[^/]*/|^<frozen |/_ray_pkg_[^/]*/raypg/"
)
"""Installed packages (torch, Ray), Python itself, and raypg as it is sent to nodes."""
_PACKAGE = f"{Path(__file__).parent}/"


def cut_traceback(text: str) -> str:
    """A traceback without the files of raypg, of Python and of installed packages.

    What was raised stays, of every exception in a chain.
    """
    kept: list[str] = []
    is_in_frame = is_kept = False
    for line in text.splitlines():
        if found := _FRAME.match(line):
            path = found["path"]
            is_in_frame = True
            is_kept = is_users(path)
        elif not line.startswith(("    ", "  [Previous line")):
            is_in_frame = False
        if is_kept or not is_in_frame:
            kept.append(line)
    return "\n".join(_without_empty_heads(kept)).strip()


def is_users(path: str) -> bool:
    """Whether a file of a traceback is neither raypg's, Python's nor a package's."""
    return not (path.startswith(_PACKAGE) or _NOT_OF_USERS.search(path))


def _without_empty_heads(lines: list[str]) -> list[str]:
    """Leave out "Traceback …" where no frame follows it."""
    follows = [*lines, ""][1:]
    return [
        line
        for line, after in zip(lines, follows, strict=True)
        if _FRAME.match(after) or line != _HEAD
    ]
