"""The user's own files that train a sweep, kept in its folder.

Its workers take them from there, so that an edit in the middle of a sweep changes none
of its trials, and whoever trains a trial again years later has what trained it. Workers
are told the digest of what the driver has packed, and run nothing else; all others run
what lies in a store only if they are asked to.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from raypg.config import Config, flatten
from raypg.config.code import hash_source
from raypg.config.own import own_code_of, own_names
from raypg.errors import ConfigError, ResultsError, StoreError
from raypg.own import OwnFaults
from raypg.own.bundle import Bundle, is_intact, pack, read_texts, unpack
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
    """Unpack a bundle, if it is the one that the name was given for.

    Raises:
        StoreError: it is another one: whoever can write into a store runs nothing.
    """
    bundle = Bundle(name, Store(store).read(f"{sweep}/{name}"))
    if not is_intact(bundle):
        rule = "must hold the files that the sweep was started with"
        fix = "Start a new sweep: whatever still holds is taken from the store."
        raise StoreError(f"{sweep}/{name}", rule, "others", fix)
    return unpack(bundle)


@contextmanager
def own_as_trained(
    store: Store, row: Mapping[str, Any], *, runs_kept: bool
) -> Iterator[None]:
    """Take the user's components as they were when a row's trial was trained.

    They are where they lie, if they still say the same. Else they are those of today,
    or, if asked for, those that the store has kept.

    Args:
        store: that has it.
        row: of `trials`.
        runs_kept: whether files out of the store may be run.

    Raises:
        ResultsError: a file is gone, and the kept one may not be run.
    """
    code: dict[str, str] = json.loads(row["fingerprint.code"] or "{}")
    now = own_code_of(config_leaves(row))
    if all(code.get(file) == digest for file, digest in now.items()):
        yield
        return
    sweep = row.get("source_sweep") or row["sweep"]
    name = _kept(store, sweep, code)
    if runs_kept and name:
        before = home()
        use_own(store.uri, sweep, name)
        try:
            yield
        finally:
            set_home(before)
        return
    if gone := [file for file, digest in now.items() if not digest]:
        rule = "must find the files of your own that trained it"
        fix = "Put them back, or run from where they are."
        if name:
            kept = store.path(sweep, name)
            fix = f"Unpack {kept}, or add --run-kept-files, if you trust the store."
        raise ResultsError(row["trial"], rule, f"no {', '.join(gone)}", fix)
    yield


def _kept(store: Store, sweep: str, code: Mapping[str, str]) -> str:
    """The bundle of a sweep whose files have these hashes; empty for none."""
    for name in store.files(sweep):
        if name.startswith("own-") and name.endswith(".zip"):
            texts = read_texts(store.read(f"{sweep}/{name}"))
            own = {file: text for file, text in texts.items() if file in code}
            if own and all(hash_source(t) == code[file] for file, t in own.items()):
                return name
    return ""
