"""From the training loop straight to the books, the checkpoints and the terminal."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from raypg.checkpoints import CheckpointKeeper
from raypg.entries import Entry
from raypg.ledger import Ledger
from raypg.training.link import Metrics
from raypg.training.state import State


class LedgerLink:
    """A training loop's link to the books of its own process.

    Every epoch's state is kept in memory, so that an interrupted trial goes on where
    it was and not where a checkpoint happened to be due.

    Args:
        ledger: takes the epochs.
        entry: the trial's place in it.
        keeper: takes the states that are due.
        every_s: seconds of training between checkpoints.
        failures: the trial ends once there is one.
    """

    def __init__(
        self,
        ledger: Ledger,
        entry: Entry,
        keeper: CheckpointKeeper,
        every_s: float,
        failures: Sequence[str] = (),
    ) -> None:
        self.stopped_by = ""
        """The signal, or the failure, that ended the trial."""
        self._failures = failures
        self._ledger = ledger
        self._entry = entry
        self._keeper = keeper
        self._every_s = every_s
        self._saved_at = time.monotonic()
        self._unsaved: State | None = None

    def describe(self, columns: Mapping[str, object]) -> None:
        """Into every further row of the trial."""
        self._entry.columns.update(columns)

    def report(
        self, epoch: int, metrics: Metrics, snapshot: Callable[[], State]
    ) -> None:
        """Book the epoch; write its state when a checkpoint is due."""
        self._ledger.report(self._entry, epoch, metrics)
        self._unsaved = snapshot()
        if time.monotonic() - self._saved_at >= self._every_s:
            self._save()

    def should_stop(self) -> bool:
        """Whether a signal came, or the sweep can go on no more."""
        if self._failures:
            self.stopped_by = self.stopped_by or self._failures[0]
        return bool(self.stopped_by)

    def beat(self) -> None:
        """Do nothing: whoever started this process sees that it hangs."""

    def rest(self) -> None:
        """Do nothing."""

    def stop(self, signal: str) -> None:
        """Leave the trial within a few steps."""
        self.stopped_by = signal

    def close(self) -> str:
        """Write the last epoch's state; the folder of the newest checkpoint."""
        self._save()
        return self._keeper.close()

    def _save(self) -> None:
        if self._unsaved is not None:
            self._keeper.save(self._unsaved)
            self._unsaved = None
            self._saved_at = time.monotonic()


class EpochLines:
    """A line an epoch on standard error."""

    def __init__(self, num_epochs: int) -> None:
        self._num_epochs = num_epochs

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Say what an epoch gave."""
        width = len(str(self._num_epochs))
        warn(
            f"epoch {entry.epoch:{width}}/{self._num_epochs}"
            f"  train.loss {metrics['train.loss']:.4f}"
            f"  val.loss {metrics['val.loss']:.4f}"
            f"  val.accuracy {100 * metrics['val.accuracy']:.2f} %"
            f"  {metrics['epoch_s']:.2f} s"
        )

    def on_end(self, entry: Entry) -> None:
        """Say how the trial ended, where it was not trained to its last epoch."""
        if entry.status == "cached":
            warn(f"the store holds this trial, trained in {entry.source_sweep}")
        elif entry.reason:
            warn(f"{entry.status}: {entry.reason}")


def warn(line: str) -> None:
    """Say something to whoever waits, apart from the results."""
    print(line, file=sys.stderr, flush=True)
