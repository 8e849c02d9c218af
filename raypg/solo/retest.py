"""A trial's best epoch on the test split once more, held against what was stored."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from raypg.checkpoints import last_good_checkpoint, read_checkpoint
from raypg.config import fingerprint
from raypg.entries import config_of
from raypg.errors import CheckpointError, ResultsError
from raypg.memo import changed_parts
from raypg.own_files import own_as_trained
from raypg.results import Results, open_results
from raypg.results.schema import flat_rows
from raypg.solo.device import check_device
from raypg.store import Store
from raypg.training.loop import evaluate_state
from raypg.training.state import unpack_state
from raypg.training.world import alone
from raypg.trial import shared_dataset

MOST_SHOWN = 5
"""Trials that an error lists."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Retest:
    """What the test split says now, and what the table has.

    Attributes:
        trial: its fingerprint.
        sweep: the one whose checkpoint was tested.
        epoch: the best one that the checkpoint knows.
        loss: mean cross-entropy now.
        accuracy: ratio in [0, 1], now.
        stored: its row of `test_results`; None for a trial that did not complete.
        changes: what is not as it was when it was trained: files, versions, device.
    """

    trial: str
    sweep: str
    epoch: int
    loss: float
    accuracy: float
    stored: Row | None
    changes: list[str]

    @property
    def is_same(self) -> bool:
        """Whether the stored numbers are these, to their last bit in the table."""
        stored = self.stored or {}
        now = {"test.loss": self.loss, "test.accuracy": self.accuracy}
        return stored.get("epoch") == self.epoch and all(
            np.float32(value) == np.float32(stored[name]) for name, value in now.items()
        )


def retest_trial(
    store: Store,
    prefix: str,
    *,
    device: str = "",
    num_threads: int = 0,
    runs_kept: bool = False,
) -> Retest:
    """Test a trial's best epoch again, from its newest sweep that has a checkpoint.

    Args:
        store: where to look.
        prefix: of the trial's id.
        device: `cpu` or `cuda`; empty is where it was trained.
        num_threads: CPU threads; 0 are those that it was trained with.
        runs_kept: whether files of the user's own may be run out of the store.

    Raises:
        ResultsError: no trial or several have such an id.
        CheckpointError: it has no checkpoint.
        ConfigError: it was trained on a GPU, and there is none.
    """
    results = open_results(store)
    trial, sweeps = _find_trial(results, prefix)
    for sweep in sweeps:
        folder = last_good_checkpoint(store, sweep, trial)
        if folder:
            break
    else:
        rule = "must have a checkpoint that is whole"
        fix = "Train it again with --fresh."
        raise CheckpointError(trial, rule, _missing(results, trial, sweeps), fix)
    row = results.find_trial(sweep, trial)
    with own_as_trained(store, row, runs_kept=runs_kept):
        return _retest(results, row, folder, prefix, device, num_threads)


def _retest(
    results: Results,
    row: Row,
    folder: str,
    prefix: str,
    device: str,
    num_threads: int,
) -> Retest:
    """Test the best epoch of the checkpoint in a folder."""
    store, sweep, trial = results.store, row["sweep"], row["trial"]
    config = config_of(row)
    device = device or row["device"]
    check_device(device, f"--evaluate {prefix}: cuda", "Write --device cpu.")
    now = fingerprint(config, device=device, num_workers=1)
    state = unpack_state(read_checkpoint(store, folder), folder)
    world = alone(
        "cuda:0" if device == "cuda" else device, num_threads or row["num_threads"]
    )
    test = evaluate_state(config, shared_dataset(config.data), world, state)
    return Retest(
        trial,
        sweep,
        state.best["epoch"],
        test.loss,
        test.accuracy,
        _stored(results, sweep, trial),
        changed_parts(row, now),
    )


def _find_trial(results: Results, prefix: str) -> tuple[str, list[str]]:
    """The one trial whose id starts so, and the sweeps that hold it, newest first."""
    homes: dict[str, list[str]] = {}
    for line in reversed(results.sweeps()):
        for row in results.trials(line.sweep, ["trial"]):
            homes.setdefault(row["trial"], []).append(line.sweep)
    found = [trial for trial in homes if trial.startswith(prefix)]
    if prefix and len(found) == 1:
        return found[0], homes[found[0]]
    where, rule = f"--evaluate {prefix}", "must start the id of one trial"
    if found:
        fix = f"Write more of it: {_some(found)}."
        raise ResultsError(where, rule, f"{len(found)} that start so", fix)
    near = difflib.get_close_matches(prefix, homes, n=MOST_SHOWN) or list(homes)
    fix = f"Some that are there: {_some(near)}." if near else "Train one first."
    raise ResultsError(where, rule, f"none in {results.store.uri}", fix)


def _missing(results: Results, trial: str, sweeps: list[str]) -> str:
    """Where no checkpoint is, and which option let it go."""
    gone = [
        f"{sweep} let it go by {option}"
        for sweep in sweeps
        if (option := results.find_trial(sweep, trial).get("checkpoint_gone"))
    ]
    found = f"none in {' or '.join(sweeps)}"
    return f"{found} ({', '.join(gone)})" if gone else found


def _some(trials: list[str]) -> str:
    rest = "" if len(trials) <= MOST_SHOWN else ", …"
    return ", ".join(trials[:MOST_SHOWN]) + rest


def _stored(results: Results, sweep: str, trial: str) -> Row | None:
    query = f"from test_results where trial = '{trial}'"
    rows = flat_rows(results.sql(query, sweeps=[sweep]))
    return rows[0] if rows else None
