"""One attempt at a trial, from its checkpoint to its booked end."""

import socket
import traceback
from collections.abc import Sequence

from raypg.causes import cause_of
from raypg.checkpoints import CheckpointKeeper, read_good_checkpoint
from raypg.entries import Entry
from raypg.interrupts import gentle_interrupts
from raypg.ledger import Ledger
from raypg.solo.link import LedgerLink, warn
from raypg.store import Store
from raypg.training.state import State, unpack_state
from raypg.training.world import World
from raypg.trial import Place, TrialEnd, failure_reason, train_trial


def train_entry(
    store: Store,
    ledger: Ledger,
    entry: Entry,
    world: World,
    every_s: float,
    failures: Sequence[str] = (),
) -> None:
    """Train a trial to its end, which is booked whatever it is.

    Args:
        store: where its sweep lives.
        ledger: the books of the sweep.
        entry: the trial's place in them.
        world: device and threads.
        every_s: seconds of training between checkpoints.
        failures: the trial ends once there is one, as by a signal.

    Raises:
        CheckpointError: what it was to go on from is no state; nothing is booked.
        KeyboardInterrupt: a second signal came; the trial is booked as interrupted.
    """
    state = _restore(store, ledger, entry)
    key, sweep = entry.trial.key, ledger.sweep
    keeper = CheckpointKeeper(store, sweep, key, entry.attempt, warn)
    link = LedgerLink(ledger, entry, keeper, every_s, failures)
    place = Place(store=store, sweep=sweep, trial=key, attempt=entry.attempt)
    ledger.start(entry)
    end, found, error = TrialEnd(status="stopped"), "", ""
    try:
        with gentle_interrupts(link.stop):
            end = train_trial(entry.trial.config, world, link, state, place)
    except Exception as cause:  # the edge of a trial: it becomes a row
        end = TrialEnd(status="failed", reason=failure_reason(cause))
        found = cause_of(cause)
        error = traceback.format_exc()
    finally:
        is_stopped = end.status == "stopped"
        checkpoint = link.close() or entry.resume_from
        ledger.end(
            entry,
            "interrupted" if is_stopped else end.status,
            reason=link.stopped_by if is_stopped else end.reason,
            cause=found,
            error=error,
            summary={
                **end.summary,
                "node": socket.gethostname(),
                "checkpoint": store.path(checkpoint) if checkpoint else None,
            },
            test=end.test,
        )


def _restore(store: Store, ledger: Ledger, entry: Entry) -> State | None:
    """The state that the trial goes on from; the books go back to it too."""
    if not entry.resume_from:
        return None
    entry.resume_from, data = read_good_checkpoint(store, entry.resume_from, warn)
    if not entry.resume_from:
        return None
    state = unpack_state(data, entry.resume_from)
    ledger.recall(entry, state.history)
    return state
