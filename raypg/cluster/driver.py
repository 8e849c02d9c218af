"""One sweep from its first trial to its last: Tune, driven by the ledger."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from raypg.cluster.connect import Need, set_quiet_environment
from raypg.cluster.ending import Ending
from raypg.cluster.messages import Assignment
from raypg.cluster.repair import COLUMN
from raypg.cluster.slots import Slots
from raypg.config import flatten
from raypg.data.places import whole_path
from raypg.entries import Entry
from raypg.experiment import Judge
from raypg.ledger import Ledger
from raypg.space import Scheduler
from raypg.store import Store

SAME_FAILURES = 3
"""This many first trials that all fail for one reason end the sweep."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a sweep is run, apart from what it trains.

    Attributes:
        need: resources of one trial.
        max_concurrent: cap on trials at a time; 0 is as many as fit.
        trials_per_worker: trials after which a worker is replaced; 0 is never.
        uses_group: whether a trial's workers are a Ray Train group even when it is
            only one.
        checkpoint_every_s: seconds of training between a trial's checkpoints.
        hang_timeout_s: longest silence of a worker that trains; 0 is without end.
        repairs_oom: whether trials go on in smaller micro-batches once memory ran out.
        own: the bundle of the user's own files in the sweep's folder; empty for none.
        ended_curves: what trials of earlier sessions reported.
        interrupted_curves: the same of trials that go on.
        histories: all metrics of these, by epoch up to their checkpoint; only where
            trials wait for each other.
        judge: decides which trials go on, where some wait; it has heard of the past.
        flush: puts all rows on disk.
    """

    store: Store
    sweep: str
    need: Need
    metric: str
    mode: str
    scheduler: Scheduler | None = None
    max_concurrent: int = 0
    trials_per_worker: int = 0
    uses_group: bool = False
    checkpoint_every_s: float = 15.0
    hang_timeout_s: float = 0.0
    repairs_oom: bool = False
    own: str = ""
    ended_curves: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    interrupted_curves: Mapping[str, list[tuple[int, float]]] = field(
        default_factory=dict
    )
    histories: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    judge: Judge | None = None
    flush: Callable[[], object] = bool

    @property
    def has_groups(self) -> bool:
        """Whether a trial's workers are a Ray Train group."""
        return self.uses_group or self.need.workers_per_trial > 1


def run_sweep(launch: Launch, ledger: Ledger, ending: Ending) -> None:
    """Train what the ledger hands out, until it has no more; Ray is connected.

    However it ends, all trials are booked, and `ending` says why where it ended early.

    Args:
        launch: how to run it.
        ledger: what to train, and who books it.
        ending: may be set from elsewhere, to end the sweep.
    """
    set_quiet_environment()
    from ray.exceptions import RayError
    from ray.tune import TuneError

    from raypg.cluster.controller import own_tune
    from raypg.cluster.farewell import Farewell
    from raypg.cluster.recorder import Recorder
    from raypg.cluster.searcher import LedgerSearcher
    from raypg.cluster.stopper import EndingStopper

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    slots = Slots(launch.need, launch.max_concurrent)
    tidy, is_short = _rooms(launch)
    farewell = Farewell(ending)
    searcher = LedgerSearcher(
        ledger, slots, lambda: farewell.has_begun, _assign(launch, ledger)
    )
    scheduler = _build_scheduler(launch, searcher)
    on_failure = _watch_failures(ledger, ending)
    recorder = Recorder(ledger, searcher, on_failure, tidy, farewell)
    try:
        with own_tune(recorder.may_go_on, searcher.has_room, is_short):
            _fit(launch, searcher, scheduler, recorder, EndingStopper(farewell))
        tidy()
    except KeyboardInterrupt:
        ending.interrupt("ended at once")
    except (TuneError, RayError) as error:
        ending.reason = f"Ray failed: {' '.join(str(error).split())[:300]}"
    except OSError as error:  # of Tune's folder in the store, or on this machine
        found = " ".join(str(error).split())[:300]
        ending.give_up(f"a file could not be read or written: {found}")
    finally:
        ledger.interrupt()
        with suppress(RayError):  # a cluster that is gone adds no nodes
            slots.close()


def _build_scheduler(
    launch: Launch,
    searcher: Any,  # noqa: ANN401 its module imports ray
) -> object:
    """Tune's scheduler; one that lets trials wait tells the searcher of them."""
    from raypg.cluster.breeding import Breeder
    from raypg.cluster.pausing import Pausing
    from raypg.cluster.schedulers import build_scheduler

    reuses = launch.trials_per_worker != 1
    if launch.judge is None:
        return build_scheduler(
            launch.scheduler,
            launch.metric,
            launch.mode,
            launch.ended_curves,
            launch.interrupted_curves,
            reuses=reuses,
        )
    live = searcher.live
    searcher.waiting = Pausing(
        launch.judge,
        launch.metric,
        reuses=reuses,
        values=lambda trial: live[trial.trial_id].trial.values,
        copy=Breeder(lambda trial: live[trial.trial_id], launch.flush),
        has_slot=searcher.has_slot,
    )
    return searcher.waiting


def _fit(
    launch: Launch,
    searcher: object,
    scheduler: object,
    recorder: object,
    stopper: object,
) -> None:
    from ray import tune

    from raypg.cluster.trainable import build_trainable

    reuses = launch.trials_per_worker != 1
    tuner = tune.Tuner(
        build_trainable(launch.need, uses_group=launch.has_groups),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=-1,
            reuse_actors=reuses,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="checkpoints",
            storage_path=launch.store.path(launch.sweep),
            storage_filesystem=launch.store.filesystem,
            # Our results say when a checkpoint is due: a failed trial has none.
            checkpoint_config=tune.CheckpointConfig(
                num_to_keep=2, checkpoint_at_end=False
            ),
            callbacks=[recorder],
            stop=stopper,
            verbose=0,
        ),
    )
    tuner.fit()


def _trial_name(trial: object) -> str:
    """The trial's own name, and a folder of its own for every session's attempt."""
    config = trial.config  # type: ignore[attr-defined]
    assignment = Assignment.from_json(config["assignment"])
    number = assignment.attempt
    return f"{assignment.trial}-{number}" if number else assignment.trial


def _rooms(launch: Launch) -> tuple[Callable[[], object], Callable[[], bool]]:
    """To look after the places of groups; to ask whether a trial's group has none."""
    if not launch.has_groups:
        return lambda: None, lambda: False
    from raypg.cluster.placement import GroupRooms

    rooms = GroupRooms()
    return rooms.tidy, rooms.is_short


def _assign(launch: Launch, ledger: Ledger) -> Callable[[Entry], Assignment]:
    def assign(entry: Entry) -> Assignment:
        changed = _begin(entry, launch, ledger)
        return Assignment(
            trial=entry.trial.key,
            sweep=launch.sweep,
            store=launch.store.uri,
            attempt=entry.attempt,
            config=_portable(flatten(entry.trial.config)),
            device=launch.need.device,
            num_threads=launch.need.num_threads,
            checkpoint_every_s=launch.checkpoint_every_s,
            keeps_every_state=launch.scheduler is not None,
            trials_per_worker=launch.trials_per_worker,
            num_workers=launch.need.workers_per_trial,
            repairs_oom=launch.repairs_oom,
            micro_batch=entry.columns.get(COLUMN, 0),
            hang_timeout_s=launch.hang_timeout_s,
            resume_from=entry.resume_from,
            own=launch.own,
            changed=changed,
        )

    return assign


def _begin(entry: Entry, launch: Launch, ledger: Ledger) -> Mapping[str, Any]:
    """What a trial's axes are, where they change; it is booked as it was left."""
    if launch.judge is None:
        return {}
    key = entry.trial.key
    launch.judge.enter(key, entry.trial.values)
    state = launch.judge.state(key)
    history = launch.histories.get(key, ())
    if state.values:
        entry.changes = {0: dict(state.values)}
    if state.donor:
        entry.donors = {len(history) + 1: state.donor}
    if history:  # it may be stopped without ever being on a worker again
        ledger.recall(entry, history)
        entry.columns["checkpoint"] = launch.store.path(entry.resume_from)
    is_as_begun = state.values == entry.trial.values
    return {} if is_as_begun else dict(state.values)


def _portable(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of a config with paths that hold in every process of this machine."""
    return {**leaves, "data.root": whole_path(str(leaves["data.root"]))}


def _watch_failures(ledger: Ledger, ending: Ending) -> Callable[[Entry], None]:
    """End a sweep whose first trials all fail for the same reason."""

    def watch(failed: Entry) -> None:
        ended = [e for e in ledger.entries.values() if e.status != "running"]
        are_alike = all(
            e.status == "failed" and e.reason == failed.reason for e in ended
        )
        if are_alike and len(ended) == SAME_FAILURES:
            ending.reason = f"the first {SAME_FAILURES} trials failed: {failed.reason}"
            ending.is_hopeless = True

    return watch
