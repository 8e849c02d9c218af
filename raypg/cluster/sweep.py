"""A sweep from what was asked to what came of it: started or resumed, run, booked."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from raypg.checkpoints import last_good_checkpoint
from raypg.cluster.driver import Launch, run_sweep
from raypg.cluster.ending import Ending
from raypg.cluster.prepare import AnyProposals, Options, Question, ask
from raypg.config import Layer, Origin, flatten
from raypg.errors import StoreError
from raypg.experiment import AblationProposals, Past, load_space, parse_space
from raypg.ledger import Ledger, Leftover
from raypg.progress import Pace, follow
from raypg.provenance import provenance
from raypg.results import SweepWriter, open_results
from raypg.results.memo import check_types
from raypg.space import Search
from raypg.store import Store

Row = Mapping[str, Any]
Curves = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class Finished:
    """A sweep that ran, well or not."""

    store: Store
    sweep: str
    ending: Ending
    ledger: Ledger

    @property
    def exit_code(self) -> int:
        """0: all trials ended well; 1: some failed; 130: interrupted."""
        if self.ending.is_interrupt:
            return 130
        return 1 if self.ledger.count("failed") or self.ending.reason else 0


@dataclass(frozen=True)
class _Before:
    """What earlier sessions of a sweep left."""

    rows: Sequence[Row] = ()
    leftovers: Mapping[str, Leftover] | None = None
    curves: Curves | None = None


def start_sweep(space: str, layers: Sequence[Layer], options: Options) -> Finished:
    """Run a new sweep.

    Args:
        space: path of the space file.
        layers: preset, file and command line.
        options: how to run it.

    Raises:
        RaypgError: something asked for is wrong; nothing was started or written.
    """
    store = Store(options.store)
    space_file = load_space(space, layers)
    store.check_writable()
    if options.name and store.has_sweep(options.name):
        store.create_sweep(options.name)  # raises, and names the way to resume it
    with ExitStack() as stack:
        question = ask(space_file, layers, options, stack)
        columns = {f"config.{k}": v for k, v in _leaves(question.proposals).items()}
        check_types(store, columns)
        name = options.name
        if name:
            store.create_sweep(name)
        else:
            name = store.create_next_sweep(space_file.stem)
        store.write_description(name, _describe(question, options))
        return _run(store, name, question, options, _Before())


def resume_sweep(name: str, options: Options) -> Finished:
    """Go on with a sweep that was interrupted, as it was started.

    Args:
        name: the sweep's name.
        options: store and address; the rest comes from the sweep.

    Raises:
        RaypgError: there is no such sweep, or it cannot go on.
    """
    store = Store(options.store)
    about = store.read_description(name)
    layers = [
        Layer(**one | {"origin": Origin(one["origin"])}) for one in about["layers"]
    ]
    space_file = parse_space(about["space_source"], about["space_file"], layers)
    saved = Options(**about["options"])
    options = replace(saved, store=options.store, address=options.address)
    with ExitStack() as stack:
        question = ask(space_file, layers, options, stack)
        before = _read_before(store, name, question)
        return _run(store, name, question, options, before)


def _run(
    store: Store, name: str, question: Question, options: Options, before: _Before
) -> Finished:
    writer = SweepWriter(store, name, on_problem=_warn)
    space, need = question.space_file.space, question.need
    device = "cuda" if need.gpus_per_worker else "cpu"
    _replay(question, before.rows, before.curves or {})
    ledger = Ledger(
        name,
        question.proposals,
        writer,
        facts={
            **provenance(),
            "num_workers": need.workers_per_trial,
            "num_threads": need.num_threads,
            "device": device,
        },
        memo={} if options.is_fresh else _memo(store, question.proposals),
        leftovers=before.leftovers or {},
        before=before.rows,
        metric=space.metric,
    )
    ended, interrupted = _split_curves(before)
    launch = Launch(
        store=store,
        sweep=name,
        need=need,
        metric=space.metric,
        mode=space.mode,
        asha=question.asha,
        max_concurrent=options.max_concurrent,
        trials_per_worker=options.trials_per_worker,
        uses_group=options.uses_group,
        checkpoint_every_s=options.checkpoint_every_s,
        ended_curves=ended,
        interrupted_curves=interrupted,
    )
    pace = Pace(question.proposals.num_trials, _epochs_per_trial(question.proposals))
    try:
        with follow(ledger, space.metric, space.mode, pace):
            ending = run_sweep(launch, ledger)
    finally:
        writer.close()
    return Finished(store, name, ending, ledger)


def _read_before(store: Store, name: str, question: Question) -> _Before:
    """The rows, checkpoints and curves that a sweep is resumed from."""
    results = open_results(store)
    rows = sorted(results.trials(name), key=lambda row: row["number"])
    _check_same_code(name, question.proposals, rows)
    known = results.known_epochs(name)
    leftovers = {
        row["trial"]: Leftover(
            row["number"],
            row["attempt"],
            frozenset(known.get(row["trial"], ())),
            last_good_checkpoint(store, name, row["trial"]),
        )
        for row in rows
        if row["status"] in ("running", "interrupted")
    }
    curves: Curves = {}
    metric = question.space_file.space.metric
    for epoch in results.epochs(name):
        curves.setdefault(epoch["trial"], []).append((epoch["epoch"], epoch[metric]))
    return _Before(rows, leftovers, curves)


def _replay(question: Question, rows: Sequence[Row], curves: Curves) -> None:
    """Tell the proposals what earlier sessions drew, and what came of it."""
    space = question.space_file.space
    past = []
    for row in rows:
        values = {axis: row[f"config.{axis}"] for axis in space.axes}
        if isinstance(space, Search):
            values = {a: v for a, v in values.items() if space.is_active(a, values)}
        curve = dict(curves.get(row["trial"], ()))
        value = row.get(space.metric)
        past.append(Past(row["trial"], values, row["status"], value, curve))
    if past:
        question.proposals.replay(past)


def _split_curves(before: _Before) -> tuple[Curves, Curves]:
    """The curves of trials that have ended, by their ends, and of those that go on."""
    curves = before.curves or {}
    ended = [row for row in before.rows if row["status"] in ("completed", "stopped")]
    ended.sort(key=lambda row: row["finished"])
    going = before.leftovers or {}
    return (
        {row["trial"]: curves.get(row["trial"], []) for row in ended},
        {trial: curves.get(trial, []) for trial in going},
    )


def _check_same_code(name: str, proposals: AnyProposals, rows: Sequence[Row]) -> None:
    """Refuse to mix rows of two versions of the code in one sweep.

    Raises:
        StoreError: the code that trains has changed since; names the files.
    """
    now = _example(proposals).fingerprint.code
    for row in rows:
        then = json.loads(row["fingerprint.code"] or "{}")
        changed = [file for file in then if file in now and then[file] != now[file]]
        if changed:
            rule = "must go on with the code that it started with"
            found = f"changes in {', '.join(changed)}"
            fix = "Start a new sweep: whatever still holds is taken from the store."
            raise StoreError(f"--resume {name}", rule, found, fix)


def _memo(store: Store, proposals: AnyProposals) -> Mapping[str, Row]:
    """Completed trials of the store, and why others that resemble them do not count."""
    results = open_results(store)
    if not isinstance(proposals, AblationProposals):
        return results.completed()
    memo = results.completed([trial.key for trial in proposals.trials])
    missing = [t.fingerprint for t in proposals.trials if t.key not in memo]
    stale = results.stale(
        {
            **{f"fingerprint.{part}": value for part, value in asdict(print_).items()},
            "fingerprint.code": json.dumps(dict(print_.code), sort_keys=True),
        }
        for print_ in missing
    )
    for file, num_trials in sorted(stale.files.items()):
        _warn(f"{file} has changed: {num_trials} trials of the store are stale")
    return memo


def _describe(question: Question, options: Options) -> dict[str, Any]:
    """What a sweep is: enough to list it, to explain it and to resume it."""
    space_file, space = question.space_file, question.space_file.space
    return {
        "kind": question.kind,
        "question": space_file.docstring,
        "space_file": space_file.path,
        "space_source": space_file.source,
        "axes": list(space.axes),
        "metric": space.metric,
        "mode": space.mode,
        "baseline": getattr(question.proposals, "baseline", None),
        "num_trials": question.proposals.num_trials,
        "layers": [
            asdict(layer) | {"values": dict(layer.values)} for layer in question.layers
        ],
        "options": asdict(options),
        "command": list(options.command),
        "config": _leaves(question.proposals),
        "started": datetime.now(UTC).isoformat(),
        **provenance(),
    }


def _example(proposals: AnyProposals) -> Any:  # noqa: ANN401
    if isinstance(proposals, AblationProposals):
        return proposals.trials[0]
    return next(proposals.corners())


def _leaves(proposals: AnyProposals) -> dict[str, Any]:
    return dict(flatten(_example(proposals).config))


def _epochs_per_trial(proposals: AnyProposals) -> int:
    return int(_leaves(proposals)["train.epochs"])


def _warn(problem: str) -> None:
    print(problem, file=sys.stderr)
