"""A checkpoint of Tune's whose files are raypg's own: nothing in it is unpickled."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray import tune
from ray.train._internal.checkpoint_manager import _TrainingResult
from ray.tune.trainable.trainable import _DICT_CHECKPOINT_FILE_NAME

from raypg.errors import CheckpointError


class OwnCheckpoint(tune.Checkpoint):  # type: ignore[misc]
    """Refuses what `Trainable.restore` would unpickle, where a store has such a file.

    Whoever may write into a store could otherwise have code run by who goes on with it.
    """

    @contextmanager
    def as_directory(self) -> Iterator[str]:
        """See `ray.tune.Checkpoint`.

        Raises:
            CheckpointError: the file is there; raypg writes none.
        """
        with super().as_directory() as folder:
            if Path(folder, _DICT_CHECKPOINT_FILE_NAME).exists():
                rule, found = "must hold no pickle", _DICT_CHECKPOINT_FILE_NAME
                fix = "raypg wrote no such file: find out who did."
                raise CheckpointError(self.path, rule, found, fix)
            yield folder


def only_own(given: str | _TrainingResult) -> _TrainingResult:
    """What is to be restored, with an `OwnCheckpoint` in place of Ray's.

    Args:
        given: a folder of this machine, or what `Trainable.save` returned.
    """
    if isinstance(given, str):
        return _TrainingResult(OwnCheckpoint.from_directory(given), metrics={})
    there = given.checkpoint
    own = OwnCheckpoint(there.path, there.filesystem)
    return _TrainingResult(own, metrics=given.metrics)
