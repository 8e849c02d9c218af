"""A trial of the store that another one goes out from, found by its id."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from raypg.checkpoints import checkpoint_folders
from raypg.config import Config
from raypg.entries import Row, config_of
from raypg.errors import CheckpointError, ConfigError
from raypg.faults import join_errors
from raypg.results import open_results
from raypg.results.lookup import keys_of, read_found, read_keys
from raypg.store import Store

_MOST_NAMED = 3


@dataclass(frozen=True)
class Source:
    """A completed trial, and where its newest checkpoint lies."""

    trial: str
    sweep: str
    """The one that trained it."""
    config: Config
    folder: str
    """Of the checkpoint, within the store."""


def check_each(configs: Iterable[Config], check: Callable[[Config], object]) -> None:
    """Hold each config against what it takes from another trial.

    Raises:
        ConfigError: what the checks say, a line for each; a checkpoint that is damaged
            is one of them.
    """
    faults = []
    for config in configs:
        try:
            check(config)
        except ConfigError as fault:
            faults.append(fault)
        except CheckpointError as fault:
            faults.append(ConfigError(*fault.args))
    if faults:
        raise join_errors(faults)


def find_source(store: Store, trial: str, key: str) -> Source:
    """The trial that a config names.

    Of several sweeps that trained it, the newest. Only a trial counts whose id tells
    all that it was trained with, as it stands for the weights in another's id.

    Args:
        store: where to look.
        trial: its whole id.
        key: of the config, as errors name it.

    Raises:
        ConfigError: it is not there, did not complete, or has no checkpoint any more.
    """
    # A warm worker asks for each of its trials, and all tables would be read each time.
    return _find(store.uri, trial, key)


@lru_cache(maxsize=64)
def _find(uri: str, trial: str, key: str) -> Source:
    store = Store(uri)
    row = open_results(store).completed([trial]).get(trial)
    if row is None:
        raise _not_there(store, trial, key)
    folders = checkpoint_folders(store, row["sweep"], trial)
    if not folders:
        raise _no_checkpoint(row, key)
    return Source(trial, row["sweep"], config_of(row), folders[0])


def _not_there(store: Store, trial: str, key: str) -> ConfigError:
    where, rule = f'"{key}"', "must name a completed trial of the store"
    sweeps = store.sweeps() if store.exists() else []
    known = keys_of(read_keys(store, sweeps)) if sweeps else []
    own = [one for one in known if one[1] == trial]
    if own:
        (row,) = read_found(store, own)
        return ConfigError(where, rule, f"{trial}, {_state(row)}", _fix(row))
    names = [name for _, name in known]
    near = difflib.get_close_matches(trial, names, n=_MOST_NAMED) or names
    fix = f"Some that are there: {', '.join(near[:_MOST_NAMED])}."
    found = f"no {trial} in {store.uri}"
    return ConfigError(where, rule, found, fix if near else "Train one first.")


def _state(row: Row) -> str:
    if row["status"] not in ("completed", "cached"):
        return f"which is {row['status']}"
    if row.get("imported") is not None:
        return "which another tool has trained"
    if row.get("micro_batch"):
        return "which ran out of memory and was not trained as its config says"
    if row.get("mixed"):
        return "which two versions of the code have trained"
    return f"whose results are {row.get('source_sweep')}'s, where it is not"


def _fix(row: Row) -> str:
    if row["status"] in ("running", "interrupted"):
        return f"Wait for it, or: python -m raypg.tune --resume {row['sweep']}."
    return "Name another one, or train it to its end with --fresh."


def _no_checkpoint(row: Row, key: str) -> ConfigError:
    gone = row.get("checkpoint_gone")
    found = f"none of {row['trial']}"
    if gone:
        found += f", as {row['sweep']} let it go by {gone}"
    rule = "must name a trial that has its checkpoint"
    fix = (
        "Train it again with --fresh (and --keep-checkpoints all), or name another one."
    )
    return ConfigError(f'"{key}"', rule, found, fix)
