"""The errors that a user can meet: where, which rule, what was found, what to do.

    RaypgError
    ├── SpaceError       a search space file, or the space in it
    ├── ConfigError      a key or a value of the config
    ├── RegistryError    a name that no registry holds
    ├── DataError        the files of a data set, or what is in them
    ├── StoreError       the place where sweeps are kept
    ├── CheckpointError  a checkpoint that is missing or damaged
    ├── ResultsError     a table, a query, a sweep or a trial that is not there
    ├── TrialError       one trial, as it trains
    └── ClusterError     Ray, or what the cluster has

Each inherits from `RaypgError` alone. A command line prints one line and exits 2.
"""

import difflib
from collections.abc import Iterable


class RaypgError(Exception):
    """Four parts, kept in `args` so that the error crosses processes by pickle."""

    def __init__(self, where: str, rule: str, found: str, fix: str) -> None:
        super().__init__(where, rule, found, fix)

    def __str__(self) -> str:
        where, rule, found, fix = self.args
        # What a library has said may end a sentence already.
        return f"{where}: {rule}; found {found.removesuffix('.')}. {fix}"


class SpaceError(RaypgError):
    """A search space file, or the space in it."""


class ConfigError(RaypgError):
    """A key or a value of the config."""


class RegistryError(RaypgError):
    """A name that no registry holds."""


class DataError(RaypgError):
    """The files of a data set, or what is in them."""


class StoreError(RaypgError):
    """The place where sweeps are kept."""


class CheckpointError(RaypgError):
    """A checkpoint that is missing or damaged."""


class ResultsError(RaypgError):
    """A table, a query, a sweep or a trial that is not there."""


class TrialError(RaypgError):
    """One trial, as it trains."""


class ClusterError(RaypgError):
    """Ray, or what the cluster has."""


def suggest_name(name: str, known: Iterable[str]) -> str:
    """The sentence that names the nearest known name, or lists them all.

    Compares single segments, never whole dotted names: on those, `difflib` misleads.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f'Did you mean "{near[0]}"?'
    return "Known: " + ", ".join(names) + "."
