"""Which deaths of its processes are a trial's own fault: one rule for both workers."""

from dataclasses import dataclass

MAX_AT_ONE_PLACE = 3
"""Deaths in a row after one and the same epoch that show that the trial is at fault (a
CPU out of memory is a SIGKILL). Two may be chance: whoever ends processes now and then
also meets the one that has just replaced another."""

MAX_ON_ONE_WAY = 10
"""Deaths of any kind without an epoch that was not there before: such a trial costs
more than it brings, whoever is at fault."""


@dataclass
class Deaths:
    """Of one trial's processes, in the order in which they were met."""

    cause: str = "worker_lost"
    """Of the last one; a key of `POLICIES`."""
    how: str = "died"
    """What became of the last one: it died, hung, or failed by what it raised."""
    _farthest: int = -1
    _num: int = 0
    _place: int = -1
    _num_here: int = 0

    def note(
        self,
        epochs: int,
        *,
        cause: str = "worker_lost",
        how: str = "died",
        is_outside: bool = False,
    ) -> bool:
        """A process died; whether the trial is to be started again.

        Args:
            epochs: the last epoch that it reported; 0 for none since it was started.
            cause: why, as far as it is known.
            how: see the attribute; that it hung is told from the cause.
            is_outside: whether it is known that the trial had no part in it.
        """
        self.cause, self.how = cause, "hung" if cause == "hang" else how
        if epochs > self._farthest:
            self._farthest, self._num = epochs, 0
        self._num += 1
        if not is_outside:
            self._num_here = self._num_here + 1 if epochs == self._place else 1
            self._place = epochs
        return self._num_here < MAX_AT_ONE_PLACE and self._num < MAX_ON_ONE_WAY

    def reason(self, whose: str, epoch: int) -> str:
        """Why the trial has failed, once `note` has said that it goes on no more.

        Args:
            whose: what it became of: `its process`.
            epoch: the last one that is in the tables.
        """
        is_here = self._num_here >= MAX_AT_ONE_PLACE
        times = self._num_here if is_here else self._num
        return f"{whose} {self.how} {times} times after epoch {epoch}"
