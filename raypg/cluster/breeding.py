"""A member of a population goes on from another one's state: copied, and then its own.

Ray's population based training has the copying trial read its donor's checkpoint once
it has a worker. The donor trains on meanwhile, and with `num_to_keep=2` may have
deleted that one (Ray 2.60). Here the files are copied while the donor still waits for
the rest of its round. What a trial goes on from lies in its own folder, so that no
retention has to know of donors, and a resume finds it as any other.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

from ray import tune
from ray.train._internal.checkpoint_manager import _TrainingResult
from ray.tune.experiment import Trial

from raypg.checkpoints import saved_epoch
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import EPOCH
from raypg.entries import Entry
from raypg.experiment import Move
from raypg.store import Store
from raypg.training.state import INDEX_FILE, STATE_FILE


class Breeder:
    """Copies states, and changes what a trial is trained with.

    Args:
        entry_of: the entry of a trial that is under way.
        flush: puts all rows on disk.
    """

    def __init__(
        self, entry_of: Callable[[Trial], Entry], flush: Callable[[], object]
    ) -> None:
        self._entry_of, self._flush = entry_of, flush

    def __call__(self, trial: Trial, donor: Trial | None, move: Move) -> None:
        """Let a paused trial go on with other values, and from another one's state.

        Where the donor is gone or has no checkpoint of this epoch, or the store fails,
        it goes on from its own state.
        """
        # A copied state remembers its donor's epochs: the trial's own come first.
        self._flush()
        entry = self._entry_of(trial)
        entry.changes[move.epoch + 1] = dict(move.values)
        own = Assignment.from_json(trial.config["assignment"])
        changed = replace(own, changed=dict(move.values)).to_json()
        trial.set_config({**trial.config, "assignment": changed})
        try:
            source = _saved(donor, move.epoch) if donor else None
            if source is None:
                _say(entry, move, f"has no checkpoint of epoch {move.epoch}")
                return
            checkpoint = _copy(trial, source.checkpoint)
        except OSError as error:
            _say(entry, move, f"cannot be copied: {error}")
            return
        result = _TrainingResult(checkpoint, metrics=dict(source.metrics))
        trial.run_metadata.checkpoint_manager.register_checkpoint(result)
        entry.donors[move.epoch + 1] = move.donor


def _saved(donor: Trial, epoch: int) -> _TrainingResult | None:
    """The donor's checkpoint of an epoch.

    After a resume it may not have been on a worker yet: then that which it will go on
    from.
    """
    if (saved := donor.latest_checkpoint_result) is not None:
        return saved if saved.metrics.get(EPOCH) == epoch else None
    assignment = Assignment.from_json(donor.config["assignment"])
    store, folder = Store(assignment.store), assignment.resume_from
    if not folder or saved_epoch(store, folder) != epoch:
        return None
    checkpoint = tune.Checkpoint(store.path(folder), store.filesystem)
    return _TrainingResult(checkpoint, metrics={EPOCH: epoch})


def _copy(trial: Trial, source: tune.Checkpoint) -> tune.Checkpoint:
    """The trial's next checkpoint, with the files of another one; the index last."""
    # Tune names a trial's folder when it starts; after a resume it may not have yet.
    trial.init_local_path()
    storage = trial.storage
    storage.current_checkpoint_index += 1
    files, folder = storage.storage_filesystem, storage.checkpoint_fs_path
    files.create_dir(folder)
    for name in (STATE_FILE, INDEX_FILE):
        files.copy_file(f"{source.path}/{name}", f"{folder}/{name}")
    return tune.Checkpoint(folder, files)


def _say(entry: Entry, move: Move, why: str) -> None:
    line = f"{entry.trial.key}: goes on from its own state, as {move.donor} {why}"
    print(line, file=sys.stderr, flush=True)
