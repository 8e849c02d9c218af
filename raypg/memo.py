"""What a store already holds of the trials that are asked for, and why not the rest."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from raypg.config import Fingerprint
from raypg.results import open_results
from raypg.store import Store


def read_memo(
    store: Store, fingerprints: Sequence[Fingerprint], on_stale: Callable[[str], None]
) -> Mapping[str, Mapping[str, Any]]:
    """Completed trials of the whole store, by fingerprint: their rows.

    Args:
        store: where to look.
        fingerprints: of the trials that are asked for.
        on_stale: told, in a line a file, which changes keep trials from being hits.
    """
    results = open_results(store)
    memo = results.completed([one.key for one in fingerprints])
    missing = [one for one in fingerprints if one.key not in memo]
    stale = results.stale(fingerprint_columns(one) for one in missing)
    for file, num_trials in sorted(stale.files.items()):
        on_stale(f"{file} has changed: {num_trials} of the store's trials are stale")
    return memo


def fingerprint_columns(fingerprint: Fingerprint) -> dict[str, Any]:
    """The columns of `trials` that hold the parts of a fingerprint."""
    code = json.dumps(dict(fingerprint.code), sort_keys=True)
    parts = asdict(fingerprint) | {"code": code}
    return {f"fingerprint.{part}": value for part, value in parts.items()}


def changed_parts(row: Mapping[str, Any], fingerprint: Fingerprint) -> list[str]:
    """What differs between a trial's row and the trial that would run here and now.

    Files by name, every other part by its own.
    """
    now = fingerprint_columns(fingerprint)
    then = {name: row.get(name) for name in now}
    new, old = (json.loads(one.pop("fingerprint.code") or "{}") for one in (now, then))
    files = [file for file in sorted({*old, *new}) if old.get(file) != new.get(file)]
    return files + [name.partition(".")[2] for name in now if then[name] != now[name]]
