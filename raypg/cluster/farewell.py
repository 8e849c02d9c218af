"""Before a sweep ends that was told to: its trials under way save what they have."""

import time
from collections.abc import Collection
from typing import Any

from ray.tune.experiment import Trial

from raypg.cluster.ending import Ending

PATIENCE_S = 5.0
"""Longest wait for them after a Ctrl-C or a spent budget; longer epochs have a
checkpoint each anyway."""
SHORT_S = 1.5
"""The same after a SIGTERM: `ray job stop` kills three seconds later."""


class Farewell:
    """Asked at every step whether a sweep may end, and told which trials there are.

    A trial has saved once its checkpoint is another one: Tune trains no further epoch
    before that of the last one is written.
    """

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
        self._awaited: dict[str, str] | None = None
        self._until = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether no further trial is to start."""
        return bool(self._ending.reason)

    @property
    def is_over(self) -> bool:
        """Whether the sweep may end."""
        if not self._ending.is_gentle:
            return self.has_begun
        if self._awaited is None:
            return False
        return not self._awaited or time.monotonic() >= self._until

    def look(self, trials: Collection[Trial]) -> None:
        """Have trials save once the sweep is to end, and see which have.

        Args:
            trials: that are on a worker.
        """
        if not self._ending.is_gentle:
            return
        if self._awaited is None:
            is_soon = self._ending.reason == "SIGTERM"
            patience_s = SHORT_S if is_soon else PATIENCE_S
            self._until = time.monotonic() + patience_s
            self._awaited = {}
            for trial in trials:
                actor: Any = trial.temporary_state.ray_actor
                if actor is not None:
                    self._awaited[trial.trial_id] = _checkpoint(trial)
                    actor.save_soon.remote()
        now = {trial.trial_id: _checkpoint(trial) for trial in trials}
        self._awaited = {
            key: before
            for key, before in self._awaited.items()
            if now.get(key) == before
        }


def _checkpoint(trial: Trial) -> str:
    checkpoint = trial.checkpoint
    return checkpoint.path if checkpoint is not None else ""
