"""Tune asks for trials; the ledger answers, under a cap that follows the cluster."""

from collections.abc import Callable
from typing import Any, Protocol

from ray.tune.search import Searcher

from raypg.cluster.messages import Assignment
from raypg.cluster.stopper import Unsaved
from raypg.entries import Entry
from raypg.ledger import Ledger


class Waiting(Protocol):
    """A scheduler some of whose trials are on no worker."""

    @property
    def num_paused(self) -> int:
        """How many of the trials under way are on no worker."""

    @property
    def has_ready(self) -> bool:
        """Whether one of them comes before a new one."""

    def close(self) -> None:
        """No further trial will begin."""


class LedgerSearcher(Unsaved, Searcher):  # type: ignore[misc]
    """Hands the ledger's trials to Tune, at most `cap` of them at a time.

    The cap is asked at every suggestion, and told how many trials are left, so that a
    sweep grows and shrinks with its cluster. No trial is handed out beyond it: Tune
    would ask Ray for an actor that there is no room for, or (a trial actor of several
    workers takes no CPU) start it.
    """

    def __init__(
        self,
        ledger: Ledger,
        cap: Callable[[int], int],
        is_ending: Callable[[], bool],
        build_assignment: Callable[[Entry], Assignment],
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._cap = cap
        self._is_ending = is_ending
        self._build_assignment = build_assignment
        self.live: dict[str, Entry] = {}
        """The trials under way, by Tune's id."""
        self.waiting: Waiting | None = None
        """The scheduler, where it lets trials wait."""

    def has_slot(self) -> bool:
        """Whether another trial may be on a worker."""
        num_busy = len(self.live) - (self.waiting.num_paused if self.waiting else 0)
        return not self._is_ending() and num_busy < self._cap(self._ledger.num_left)

    def has_room(self) -> bool:
        """Whether a new trial may begin, or Tune is to hear of the end."""
        if self._is_ending():
            return True
        return self.has_slot() and not (self.waiting and self.waiting.has_ready)

    def suggest(self, trial_id: str) -> Any:  # noqa: ANN401 a dict, None or FINISHED
        """Tune's config of the next trial, None to be asked later, or FINISHED."""
        if self._is_ending():
            return self.FINISHED
        if not self.has_room():
            return None
        entry = self._ledger.next_entry()
        if entry is None:
            if self._ledger.proposals.is_waiting:
                return None
            if self.waiting:
                self.waiting.close()
            return self.FINISHED
        self.live[trial_id] = entry
        return {"assignment": self._build_assignment(entry).to_json()}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Nothing: the recorder tells the ledger, also of results that stop a trial."""

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Free the trial's place; its end is booked by the recorder."""
