"""Packages whose names are loaded when they are first asked for."""

import importlib
import sys
from collections.abc import Callable, Mapping


def load_later(package: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """A package's `__getattr__` (PEP 562).

    Args:
        package: its name.
        places: the module of each name of the package.
    """

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(importlib.import_module(places[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return find
