"""A trial started or resumed as a sweep of its own, with the books of every sweep."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from raypg.config import Config, Layer, flatten, load
from raypg.entries import Leftover
from raypg.errors import StoreError
from raypg.experiment import Trial, check_layers
from raypg.experiment.proposals import ENDED, NO_ROW
from raypg.experiment.trials import build_trial
from raypg.ledger import Ledger
from raypg.leftovers import Shelf, find_leftover
from raypg.memo import changed_parts, read_memo
from raypg.metrics import metric_mode
from raypg.own_files import keep_own, names_in, own_bundle, own_paths
from raypg.patches import code_columns, keep_changes
from raypg.processor import precision_notes
from raypg.provenance import provenance
from raypg.results import (
    SweepWriter,
    check_types,
    open_results,
    set_kept_aside,
    take_in,
)
from raypg.solo.attempt import train_entry
from raypg.solo.device import check_device
from raypg.solo.link import EpochLines, warn
from raypg.sources import check_sources
from raypg.store import Store, check_saved
from raypg.training.world import World, alone
from raypg.trial import shared_dataset

KIND = "trial"
"""What `sweep.json` says of a sweep of one trial that no space proposed."""

STEM = "train"
"""The default name of such a sweep."""

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a trial is to be trained, as it was asked for.

    Attributes:
        store: folder or URI.
        device: `cpu` or `cuda`.
        num_threads: CPU threads.
        name: of a new sweep; empty takes the next free one.
        is_fresh: train also what the store already holds.
        checkpoint_every_s: seconds of training between checkpoints.
        command: as it was typed.
    """

    store: str
    device: str
    num_threads: int
    name: str = ""
    is_fresh: bool = False
    checkpoint_every_s: float = 15.0
    command: Sequence[str] = ()

    @property
    def world(self) -> World:
        """The one worker that there is."""
        return alone("cuda:0" if self.device == "cuda" else "cpu", self.num_threads)


@dataclass(frozen=True)
class Finished:
    """A trial that was trained, or that the store held."""

    store: Store
    sweep: str
    status: str
    reason: str
    failure: str = ""
    """Why it ended early that no signal ended, or what is not in its tables."""


def start_trial(layers: Sequence[Layer], options: Options) -> Finished:
    """Train one trial as a sweep of its own.

    Args:
        layers: preset, file and command line.
        options: how to train it.

    Raises:
        RaypgError: something asked for is wrong; nothing was started or written.
    """
    store = Store(options.store)
    check_layers(layers)
    config = load(layers)
    trial = _build_trial(config, options)
    for note in shared_dataset(config.data).notes:
        warn(f"{config.data.name}: {note}")
    if options.is_fresh or not open_results(store).completed([trial.key]):
        check_sources([config], store)
    store.check_writable()
    leaves = flatten(config)
    check_types(store, {f"config.{name}": value for name, value in leaves.items()})
    own = own_bundle(names_in([config]))
    name = options.name
    if name:
        _check_new(store, name)
        store.create_sweep(name)
    else:
        name = store.create_next_sweep(STEM)
    for note in precision_notes([config], options.device):
        warn(note)
    if aside := set_kept_aside(store, name):
        warn(aside)
    store.write_description(name, _describe(config, layers, options))
    keep_own(store, name, own)
    with ExitStack() as stack:
        return _run(_Run(store, name, stack), trial, options, [])


def resume_trial(name: str, options: Options) -> Finished:
    """Go on with a trial that was interrupted, as it was started.

    Args:
        name: of its sweep.
        options: the store counts; all else comes from the sweep.

    Raises:
        RaypgError: there is no such sweep, or it cannot go on.
    """
    store = Store(options.store)
    store.check_place()
    about = store.read_description(name)
    kind = about.get("kind", "no word of what it is")
    if kind != KIND:
        rule = "must be a single trial"
        fix = f"Try python -m raypg.tune --resume {name}."
        raise StoreError(f"--resume {name}", rule, f"a sweep ({kind})", fix)
    check_saved(name, about)
    options = replace(Options(**about["options"]), store=options.store)
    fix = "Go on with it on a machine that has one, or start it anew."
    check_device(options.device, f"--resume {name}: cuda", fix)
    layers = [Layer.from_json(one) for one in about["layers"]]
    trial = _build_trial(load(layers), options)
    with ExitStack() as stack:
        run = _Run(store, name, stack)
        take_in(store, name, run.writer, warn)
        rows = open_results(store).trials(name)
        for row in rows:
            if row["trial"] != trial.key:
                rule = "must go on with the code and versions that it started with"
                found = f"changes in {', '.join(changed_parts(row, trial.fingerprint))}"
                raise StoreError(f"--resume {name}", rule, found, "Start it anew.")
            if row["status"] in ENDED:
                return Finished(store, name, row["status"], row["status_reason"] or "")
        shared_dataset(trial.config.data)
        return _run(run, trial, options, rows)


def _check_new(store: Store, name: str) -> None:
    if store.has_sweep(name):
        resume = f"python -m raypg.train --resume {name} {store.option}"
        fix = f"Choose another name, or go on with it: {resume}"
        raise StoreError(f"--name {name}", "must be new", f"it in {store.uri}", fix)


def _build_trial(config: Config, options: Options) -> Trial:
    arm = config.model.name
    return build_trial(config, arm, {}, device=options.device, num_workers=1)


class _Run:
    """A sweep of one trial that is being written, until the stack is closed.

    Attributes:
        failures: why it can go on no more, as the writer says.
    """

    def __init__(self, store: Store, name: str, stack: ExitStack) -> None:
        self.store, self.name = store, name
        self.failures: list[str] = []
        self.writer = SweepWriter(
            store, name, on_problem=warn, on_failure=self.failures.append
        )
        stack.callback(self.writer.close, compact=False)


def _run(run: _Run, trial: Trial, options: Options, rows: Sequence[Row]) -> Finished:
    """Book the trial, which is trained unless the store holds it."""
    store, name = run.store, run.name
    own = own_paths(names_in([trial.config]))
    ledger = Ledger(
        name,
        OneTrial(trial),
        run.writer,
        facts={
            **code_columns(keep_changes(store, name, own, warn)),
            "num_workers": 1,
            "num_threads": options.num_threads,
            "device": options.device,
        },
        memo={} if options.is_fresh else read_memo(store, [trial.fingerprint], warn),
        leftovers=_leftovers(store, name, rows),
        before=rows,
        metric=trial.config.train.metric,
    )
    ledger.tell(EpochLines(trial.config.train.epochs))
    entry = ledger.next_entry()
    if entry is not None:
        every_s = options.checkpoint_every_s
        train_entry(store, ledger, entry, options.world, every_s, run.failures)
    try:
        run.writer.close()
    except StoreError as error:
        run.failures.append(str(error))
    (entry,) = ledger.entries.values()
    failure = " ".join(run.failures)
    return Finished(store, name, entry.status, entry.reason, failure)


def _leftovers(store: Store, name: str, rows: Sequence[Row]) -> dict[str, Leftover]:
    """What earlier sessions left of the trial; it has not ended."""
    known = open_results(store).known_epochs(name) if rows else {}
    return {
        row["trial"]: find_leftover(
            Shelf(store), row, known.get(row["trial"], ()), warn
        )
        for row in rows
    }


class OneTrial:
    """Proposes one trial, once; no result changes it."""

    num_trials = 1

    def __init__(self, trial: Trial) -> None:
        self._waiting = [trial]

    is_waiting = False

    def propose(self) -> Trial | None:
        """The trial, the first time."""
        return self._waiting.pop() if self._waiting else None

    def observe(self, key: str, epoch: int, value: float | None) -> None:
        """Nothing follows."""

    def finish(
        self,
        key: str,
        status: str,
        value: float | None,
        row: Mapping[str, Any] = NO_ROW,
    ) -> None:
        """Nothing follows."""

    def replay(self, past: Sequence[object]) -> None:
        """Nothing follows."""


def _describe(
    config: Config, layers: Sequence[Layer], options: Options
) -> dict[str, Any]:
    """What the sweep is, under the names that every sweep has."""
    metric = config.train.metric
    return {
        "kind": KIND,
        "question": "",
        "space_file": "",
        "space_source": "",
        "axes": [],
        "metric": metric,
        "mode": metric_mode(config.train.metrics, metric),
        "baseline": None,
        "num_trials": 1,
        "layers": [layer.to_json() for layer in layers],
        "options": asdict(options),
        "command": list(options.command),
        "config": flatten(config),
        "started": datetime.now(UTC).isoformat(),
        **provenance(),
    }
