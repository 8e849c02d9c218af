"""The files of the user's that make a component: its own, and those that it imports."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from raypg.own.fault import OwnFaults, fault_of
from raypg.own.names import is_file, split_name
from raypg.own.objects import is_installed, locate, remembers, search_path

_RAYPG = "raypg"
_KNOWN = {_RAYPG, "torch", "numpy"}
"""Packages whose part in a trial's numbers the fingerprint has otherwise."""


@dataclass(frozen=True, eq=False)
class Sources:
    """What a component is made of."""

    files: dict[str, str] = field(default_factory=dict)
    """Text by path, relative to where Python looks for it: the same on any machine."""
    places: dict[str, Path] = field(default_factory=dict)
    """Where each lies here."""
    ours: set[str] = field(default_factory=set)
    """Modules of raypg that it imports."""
    libraries: set[str] = field(default_factory=set)
    """Installed packages that it imports, as an import calls them."""


@cache
def sources_of(name: str) -> Sources:
    """The sources of a component, found by following imports.

    Args:
        name: as configs hold it; it has been imported without an error.

    Raises:
        OwnFaults: a file that it imports cannot be read.
    """
    place, _ = split_name(name)
    folders, found = search_path(name), Sources()
    if is_file(place):
        path = locate(place).absolute()
        waiting = {path.name: path}
    else:
        waiting = dict(_find(place, folders, found))
    while waiting:
        relative, path = waiting.popitem()
        if relative in found.files:
            continue
        try:
            source = path.read_text("utf-8-sig")
            tree = ast.parse(source, str(path))
        except (OSError, UnicodeDecodeError, SyntaxError) as cause:
            rule = "must import files that can be read"
            raise OwnFaults([fault_of(cause, rule)]) from cause
        found.files[relative], found.places[relative] = source, path
        for module in imported_modules(tree, _package(relative)):
            waiting |= dict(_find(module, folders, found))
    return found


remembers(sources_of.cache_clear)


def imported_modules(tree: ast.Module, package: str = "") -> Iterator[str]:
    """What a file imports, wherever in it, and what may be a module of that.

    Args:
        tree: of the file.
        package: that it lies in, which relative imports start from.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            above = ".".join(parents) if node.level else ""
            module = ".".join(filter(None, [above, node.module]))
            if module:
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _find(
    module: str, folders: list[Path], found: Sources
) -> Iterator[tuple[str, Path]]:
    """The files of a module of the user's, with those of the packages around it.

    One that is not the user's is noted.
    """
    head, *_ = parts = module.split(".")
    if head == _RAYPG:
        found.ours.add(module)
        return
    for folder in folders:
        files = dict(_files(folder, parts))
        if files:
            yield from files.items()
            return
    if head not in sys.stdlib_module_names and head not in _KNOWN:
        found.libraries.add(head)


def _files(folder: Path, parts: list[str]) -> Iterator[tuple[str, Path]]:
    for end in range(1, len(parts) + 1):
        place = Path(*parts[:end])
        for relative in (place.with_suffix(".py"), place / "__init__.py"):
            path = folder / relative
            if path.is_file() and not is_installed(path):
                yield relative.as_posix(), path


def _package(relative: str) -> str:
    return ".".join(Path(relative).parts[:-1])
