"""How a sweep is told to end before its last trial, and what Tune is not to pickle."""

from ray.tune import Stopper

from raypg.cluster.farewell import Farewell


class Unsaved:
    """Pickled as nothing: Tune pickles all of a tuner as it is made, and needs none.

    A sweep is resumed from its tables; nothing is ever unpickled from a store.
    """

    def __reduce__(self) -> tuple[type["Unsaved"], tuple[()]]:
        return Unsaved, ()


class EndingStopper(Unsaved, Stopper):  # type: ignore[misc]
    """Asked by Tune at every step; stops no single trial."""

    def __init__(self, farewell: Farewell) -> None:
        self._farewell = farewell

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """False: a trial's end is its own, or the scheduler's."""
        return False

    def stop_all(self) -> bool:
        """Whether the sweep is to end now."""
        return self._farewell.is_over
