"""The space that a sweep was started with, from its description, without running it."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from raypg.config import Layer
from raypg.errors import StoreError
from raypg.experiment import parse_space
from raypg.space import Space, from_data
from raypg.store import DESCRIPTION, Store


def read_own_space(
    store: Store,
    name: str,
    about: Mapping[str, Any],
    layers: Sequence[Layer],
    path: str,
    *,
    runs_saved: bool,
) -> Space:
    """A sweep's space as it was so far.

    An older raypg kept it as Python alone. That is run where the user has the very
    same file, or says so.

    Args:
        store: which others may be able to write.
        name: of the sweep.
        about: its description.
        layers: under which the space is legal.
        path: of a space file that the user names; may be empty.
        runs_saved: whether the text in the store is run where that is all there is.

    Raises:
        StoreError: all there is would have to be run.
        RaypgError: it is no space, or none of this raypg's.
    """
    if "space" in about:
        return from_data(about["space"], f"{name}/{DESCRIPTION}: space")
    file, source = about["space_file"], about["space_source"]
    if not (runs_saved or _is_here(store, source, path, file)):
        rule = (
            "must have its space as data, or as a file here: a store's code is not run"
        )
        found = (
            f"only Python in its {DESCRIPTION} (an older raypg's), and no such {file}"
        )
        fix = (
            f"Bring that file back and name it: --resume {name} FILE; or read "
            "space_source in there, and add --run-saved-space."
        )
        raise StoreError(f"--resume {name}", rule, found, fix)
    return parse_space(source, file, layers).space


def _is_here(store: Store, source: str, asked: str, own: str) -> bool:
    """Whether the user has a file with this text.

    Args:
        store: whose files do not count.
        source: the text.
        asked: the path that the user names; may be empty.
        own: the path that the store names: counts below the working directory alone.
    """
    if asked and _text(pathlib.Path(asked)) == source:
        return True
    place, root = pathlib.Path(own).resolve(), pathlib.Path(store.uri).resolve()
    is_stores = store.is_local and place.is_relative_to(root)
    is_below = place.is_relative_to(pathlib.Path.cwd().resolve())
    return is_below and not is_stores and _text(place) == source


def _text(path: pathlib.Path) -> str | None:
    """Of a file; None where there is none."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
