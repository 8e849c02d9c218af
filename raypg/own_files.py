"""The user's own files that train a sweep, kept in its folder.

Its workers take them from there, so that an edit in the middle of a sweep changes none
of its trials, and whoever trains a trial again years later has what trained it.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

from raypg.config import Config, flatten
from raypg.config.code import hash_source
from raypg.config.own import own_names
from raypg.errors import ConfigError
from raypg.own import OwnFaults
from raypg.own.bundle import Bundle, pack, unpack
from raypg.own.objects import home, set_home
from raypg.own.sources import sources_of
from raypg.results.schema import config_leaves
from raypg.store import Store


def names_in(configs: Iterable[Config]) -> set[str]:
    """The components of the user's own that any of these configs names."""
    return {name for config in configs for name in own_names(flatten(config))}


def own_bundle(names: Iterable[str]) -> Bundle | None:
    """The files of the user's own that make these components; None for none.

    Raises:
        ConfigError: two different files have one name.
    """
    try:
        return pack(names)
    except OwnFaults as wrong:
        first, *_ = wrong.faults
        raise ConfigError("files of your own", *first) from wrong


def own_paths(names: Iterable[str]) -> list[str]:
    """Where the files lie that `own_bundle` packs."""
    places = {p for name in names for p in sources_of(name).places.values()}
    return sorted(str(place) for place in places)


def keep_own(store: Store, sweep: str, bundle: Bundle | None) -> str:
    """Keep a sweep's bundle in its folder; returns its name there, empty for none."""
    if bundle is None:
        return ""
    path = f"{sweep}/{bundle.name}"
    if not store.has_file(path):
        store.write_whole(path, bundle.content)
    return bundle.name


def use_own(store: str, sweep: str, name: str) -> None:
    """Take the user's components from a sweep's bundle; "" from where they lie.

    Args:
        store: URI.
        sweep: that keeps it.
        name: of the bundle.
    """
    set_home(_folder(store, sweep, name) if name else None)


@lru_cache(maxsize=8)
def _folder(store: str, sweep: str, name: str) -> Path:
    return unpack(Bundle(name, Store(store).read(f"{sweep}/{name}")))


@contextmanager
def own_as_trained(store: Store, row: Mapping[str, Any]) -> Iterator[None]:
    """Take the user's components as they were when a row's trial was trained.

    Args:
        store: that has it.
        row: of `trials`.
    """
    before = home()
    sweep = row.get("source_sweep") or row["sweep"]
    if own_names(config_leaves(row)) and (name := _kept(store, sweep, row)):
        use_own(store.uri, sweep, name)
    try:
        yield
    finally:
        set_home(before)


def _kept(store: Store, sweep: str, row: Mapping[str, Any]) -> str:
    """The bundle of a sweep whose files have the hashes that a row has; or empty."""
    code = json.loads(row["fingerprint.code"] or "{}")
    for name in store.files(sweep):
        if name.startswith("own-") and name.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(store.read(f"{sweep}/{name}"))) as archive:
                hashes = {
                    file: hash_source(archive.read(file).decode())
                    for file in archive.namelist()
                }
            own = {file: code[file] for file in hashes.keys() & code.keys()}
            if own and all(hashes[file] == digest for file, digest in own.items()):
                return name
    return ""
