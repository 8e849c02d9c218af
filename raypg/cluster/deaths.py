"""Which deaths of its processes are a trial's own fault: one rule for both workers."""

from dataclasses import dataclass

from raypg.causes import NEVER, POLICIES

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
    _is_own: bool = False

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
        most = POLICIES[cause].most(how)
        self.cause, self.how = cause, "hung" if cause == "hang" else how
        if epochs > self._farthest:
            self._farthest, self._num = epochs, 0
        self._num += 1
        if not is_outside and most < NEVER:
            self._num_here = self._num_here + 1 if epochs == self._place else 1
            self._place = epochs
            self._is_own = self._num_here >= most
        return not self._is_own and self._num < MAX_ON_ONE_WAY

    def reason(self, whose: str, epoch: int) -> str:
        """Why the trial has failed, once `note` has said that it goes on no more.

        Args:
            whose: what it became of: `its process`.
            epoch: the last one that is in the tables.
        """
        num = self._num_here if self._is_own else self._num
        times = f" {num} times" * (num > 1)
        return f"{whose} {self.how}{times} after epoch {epoch}"
