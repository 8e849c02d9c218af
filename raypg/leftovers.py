"""What a sweep's trials go on from; found without a look into any state.

The states of many trials take minutes to read. Whoever goes on with one reads it, holds
it against its checksum, and takes the one before it where it is damaged.
"""

from collections.abc import Callable, Iterable
from threading import Lock

from raypg.checkpoints import Held, check_size, list_held
from raypg.entries import Leftover, Row
from raypg.errors import CheckpointError
from raypg.store import Store


class Shelf:
    """What the sweeps of a store hold, each listed once; for several threads.

    Args:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: dict[str, dict[str, list[Held]]] = {}
        self._lock = Lock()

    def newest(self, sweep: str, trial: str, on_damaged: Callable[[str], None]) -> str:
        """The newest checkpoint of a trial that is as long as it should be, or empty.

        Whoever goes on from it reads it, and holds it against its checksum.

        Args:
            sweep: that trained the trial.
            trial: its id.
            on_damaged: told of each newer one that is not, as one line.

        Raises:
            OSError: the store is out of reach, so that nobody knows.
        """
        with self._lock:
            if sweep not in self._held:
                self._held[sweep] = list_held(self.store, sweep)
        for one in self._held[sweep].get(trial, ()):
            try:
                check_size(self.store, one)
            except CheckpointError as error:
                on_damaged(str(error))
                continue
            return one.folder
        return ""


def find_leftover(
    shelf: Shelf,
    row: Row,
    known_epochs: Iterable[int],
    on_damaged: Callable[[str], None],
) -> Leftover:
    """What is left of a trial that did not end, to go on from.

    Args:
        shelf: of the store where its sweep lives.
        row: its newest one of `trials`; a cached trial's checkpoints are its source's.
        known_epochs: of which the tables have a row.
        on_damaged: told of each checkpoint that cannot be gone on from, as one line.
    """
    sweep, trial = row["source_sweep"] or row["sweep"], row["trial"]
    return Leftover(
        number=row["number"],
        attempt=row["attempt"],
        known_epochs=frozenset(known_epochs),
        resume_from=shelf.newest(sweep, trial, on_damaged),
        micro_batch=row.get("micro_batch") or 0,
        started=row["started"].timestamp() if row["started"] else 0.0,
    )
