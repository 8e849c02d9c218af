"""What a store already holds of the trials that are asked for, and why not the rest."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from raypg.config import Fingerprint, flatten
from raypg.config.code import training_code
from raypg.config.own import own_code_of
from raypg.experiment import Trial
from raypg.results import open_results
from raypg.results.memo import changed_files
from raypg.results.schema import config_leaves
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
    _tell(stale.files, on_stale)
    return memo


def read_search_memo(
    store: Store, example: Trial, axes: Sequence[str], on_stale: Callable[[str], None]
) -> Mapping[str, Mapping[str, Any]]:
    """All completed trials of the store, by fingerprint: any may be drawn.

    Args:
        store: where to look.
        example: a trial of the search; all of them agree with it but for the axes.
        axes: the names that the search varies.
        on_stale: told, in a line a file, which changes keep trials that the search may
            draw from being hits.
    """
    memo = open_results(store).completed()
    fixed = {
        f"config.{name}": value
        for name, value in flatten(example.config).items()
        if name not in {*axes, "data.root"}
    }
    files: Counter[str] = Counter()
    for row in memo.values():
        if all(row.get(name) == value for name, value in fixed.items()):
            code = {
                **training_code(row["config.model.name"], row["config.data.name"]),
                **own_code_of(config_leaves(row)),
            }
            now = {"fingerprint.code": json.dumps(code)}
            files.update(changed_files(row, now))
    _tell(files, on_stale)
    return memo


def _tell(files: Mapping[str, int], on_stale: Callable[[str], None]) -> None:
    for file, num_trials in sorted(files.items()):
        on_stale(f"{file} has changed: {num_trials} of the store's trials are stale")


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
    files = changed_files(then, now)
    del now["fingerprint.code"]
    return files + [name.partition(".")[2] for name in now if then[name] != now[name]]
