"""Tells trial actors which nodes are about to go, so that they save what they have.

A node drains when someone says so to Ray: `spot_notice` for AWS, an autoscaler, `ray
drain-node`. Ray then places no actor there; one that is there already would take trial
after trial.
"""

import sys
from collections.abc import Collection
from typing import Any

from ray.tune.experiment import Trial


class Notices:
    """Remembers what was told to whom, for each to be told once."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._told: dict[str, Collection[str]] = {}

    def forget(self, trial: Trial) -> None:
        """The trial is over, or on another actor."""
        self._told.pop(trial.trial_id, None)

    def tell(self, trials: Collection[Trial], nodes: Collection[str]) -> None:
        """Tell the actors of trials under way, where they have not been told.

        Nobody waits for an answer: an actor takes the call between two epochs.

        Args:
            trials: under way.
            nodes: that are about to go, by Ray's ids.
        """
        if new := set(nodes) - self._said:
            self._said |= new
            what = "1 node is" if len(new) == 1 else f"{len(new)} nodes are"
            line = f"{what} about to go: trials there save each epoch, no new one comes"
            print(line, file=sys.stderr, flush=True)
        for trial in trials if nodes else ():
            actor: Any = trial.temporary_state.ray_actor
            if actor is not None and self._told.get(trial.trial_id) != nodes:
                self._told[trial.trial_id] = nodes
                actor.note_leaving.remote(sorted(nodes))
