"""A sweep from what was asked to what came of it: started or resumed, run, booked."""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn

from rich.console import Console

from raypg.budget import Spending
from raypg.causes import check_cause
from raypg.cluster.agreed import record
from raypg.cluster.driver import Launch, run_sweep
from raypg.cluster.ending import Ending, print_ending, resume_command
from raypg.cluster.extend import check_epochs, read_space
from raypg.cluster.head import watch_head
from raypg.cluster.job import check_outlives_job
from raypg.cluster.judged import tell_judge
from raypg.cluster.options import Options
from raypg.cluster.past import Before, read_before, replay
from raypg.cluster.prepare import Question, ask, check_origins, connect_for
from raypg.cluster.resumed import MAY_CHANGE, changed_options
from raypg.cluster.todo import Todo, find_todo
from raypg.cluster.warm import read_known_trials
from raypg.config import Layer, flatten
from raypg.errors import StoreError
from raypg.experiment import (
    Known,
    SearchProposals,
    check_keeps_no_secret,
    describe_published,
    is_edited,
    load_space,
)
from raypg.interrupts import gentle_interrupts
from raypg.ledger import Ledger
from raypg.own_files import keep_own, own_paths
from raypg.patches import code_columns, keep_changes
from raypg.progress import Pace, follow
from raypg.provenance import provenance
from raypg.pruning import Pruner
from raypg.results import SweepWriter, check_types, set_kept_aside, take_in
from raypg.space import PBT, Search, Space, to_data
from raypg.store import Store, check_saved
from raypg.wandb_log import log_to_wandb

KINDS = ("ablation", "search", "path")
"""Of sweeps, as `sweep.json` says it; a single trial is none of them."""

GONE = 1
"""Exit code where the cluster is gone: the trials under way did not end well."""

GROWS = (
    *("question", "space_file", "space_source", "space"),
    *("num_trials", "layers", "config"),
)
"""What of `sweep.json` changes where a sweep is given more trials or epochs."""


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
        is_early = self.ending.reason and not self.ending.is_planned
        has_ended_badly = is_early or self.ending.unwritten
        return 1 if self.ledger.count("failed") or has_ended_badly else 0


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
    space_file = load_space(space, layers, options.arms)
    check_keeps_no_secret(space_file, layers)
    check_outlives_job(store)
    store.check_writable()
    if options.name and store.has_sweep(options.name):
        store.create_sweep(options.name)  # raises, and names the way to resume it
    with ExitStack() as stack:
        question = ask(space_file, layers, options, stack)
        check_types(store, question.columns)
        known = _read_known(question, store, options)
        todo = find_todo(question, store, _warn, is_fresh=options.is_fresh)
        if todo.needs_training:
            check_origins(question, store)
            connect_for(question, options, stack)
        name = options.name
        if name:
            store.create_sweep(name)
        else:
            name = store.create_next_sweep(space_file.stem)
        if aside := set_kept_aside(store, name):
            _warn(aside)
        about = _describe(question, options) | ({"known": known} if known else {})
        store.write_description(name, about)
        code = _keep_code(store, name, question, todo)
        ending, writer = _open_writer(store, name, stack)
        kept = keep_own(store, name, question.bundle)
        run = _Run(store, name, question, options, todo, code, kept, Before())
        return _run(run, writer, ending)


def resume_sweep(
    name: str,
    options: Options,
    *,
    space: str = "",
    overrides: Sequence[str] = (),
    retry_failed: str = "",
    allow_changed: bool = False,
    runs_saved: bool = False,
    given: Collection[str] = (),
) -> Finished:
    """Go on with a sweep that was interrupted, as it was started, or with more.

    Trials that failed stay as they are, unless they are asked for.

    Args:
        name: the sweep's name.
        options: store and address, and whether trials are repaired, too; of the rest
            what is given, and else the sweep's own.
        space: path of the sweep's space file with more seeds, trials or epochs, from
            now on the sweep's own; empty adds none.
        overrides: of `train.epochs`, as `KEY=VALUE`.
        retry_failed: the cause of failure whose trials run again, or `all`.
        allow_changed: whether to go on although code, data or versions have changed.
        runs_saved: whether Python of the store is run to get at the space of a sweep
            that an older raypg wrote.
        given: options, of `MAY_CHANGE`, that are other ones from now on.

    Raises:
        RaypgError: there is no such sweep, or it cannot go on.
    """
    if retry_failed:
        check_cause(retry_failed)
    store = Store(options.store)
    check_outlives_job(store)
    store.check_place()
    about = store.read_description(name)
    kind = about.get("kind", "no word of what it is")
    if kind not in KINDS:
        rule, fix = "must be a sweep", f"Try: python -m raypg.train --resume {name}."
        if kind == "import":
            rule, fix = "must be a sweep of raypg's own", "Another tool has run it."
        raise StoreError(f"--resume {name}", rule, f"({kind})", fix)
    check_saved(name, about)
    own, space_file, layers = read_space(
        store, name, about, space, overrides, _warn, runs_saved=runs_saved
    )
    about.setdefault("space", to_data(own))
    if space or overrides:
        check_keeps_no_secret(space_file, layers)
    saved = Options(**about["options"])
    saved = changed_options(name, saved, options, given, _warn)
    options = replace(
        saved,
        store=options.store,
        address=options.address,
        budget=options.budget,
        repairs_oom=saved.repairs_oom or options.repairs_oom,
    )
    with ExitStack() as stack:
        # Held before anything is read: another driver may still write.
        ending, writer = _open_writer(store, name, stack)
        take_in(store, name, writer, _warn)
        question = ask(space_file, layers, options, stack)
        grown = _describe(question, saved) if space or overrides else about
        check_epochs(name, about, grown, own, space_file.space)
        before = read_before(
            store,
            name,
            question,
            retry_failed=retry_failed,
            allow_changed=allow_changed,
            tell=_warn,
        )
        for line in before.notes(asks_retry=bool(retry_failed)):
            _warn(line)
        if isinstance(question.proposals, SearchProposals):
            question.proposals.learn([Known(**one) for one in about.get("known", ())])
        replay(question, before)
        todo = find_todo(question, store, _warn, is_fresh=options.is_fresh)
        if todo.needs_training:
            check_origins(question, store)
            connect_for(question, options, stack)
        code = _keep_code(store, name, question, todo)
        if grown is not about:
            grown["num_trials"] = question.proposals.num_trials
        about |= {key: grown[key] for key in GROWS}
        about["options"] |= {
            MAY_CHANGE[one]: getattr(saved, MAY_CHANGE[one]) for one in given
        }
        record(store, name, about, before.change, code)
        kept = keep_own(store, name, question.bundle)
        run = _Run(store, name, question, options, todo, code, kept, before)
        return _run(run, writer, ending)


def _read_known(
    question: Question, store: Store, options: Options
) -> list[dict[str, Any]]:
    """Tell a search what earlier sweeps know; the same is told again at a resume."""
    own = getattr(question.space_file.space, "warm_start", ())
    known = read_known_trials(question, store, [*own, *options.warm_start], _warn)
    if known and isinstance(question.proposals, SearchProposals):
        question.proposals.learn(known)
    return [asdict(one) for one in known]


def _open_writer(
    store: Store, name: str, stack: ExitStack
) -> tuple[Ending, SweepWriter]:
    """The writer of a sweep's tables, and the end that it may have to put to it."""
    ending = Ending()
    writer = SweepWriter(store, name, on_problem=_warn, on_failure=ending.give_up)
    stack.callback(writer.close, compact=False)
    return ending, writer


@dataclass(frozen=True)
class _Run:
    """A sweep that has a name and a place, about to run.

    Attributes:
        code: with what its trials are trained, as columns of `trials`.
        own: the bundle of the user's own files in its folder; empty for none.
    """

    store: Store
    name: str
    question: Question
    options: Options
    todo: Todo
    code: Mapping[str, Any]
    own: str
    before: Before

    def launch(self, flush: Callable[[], object]) -> Launch:
        """How the driver is to run it; `flush` puts all rows on disk."""
        question, options = self.question, self.options
        judged = tell_judge(question, self.store, self.name, self.before)
        space = question.space_file.space
        return Launch(
            store=self.store,
            sweep=self.name,
            need=question.need,
            metric=space.metric,
            mode=space.mode,
            scheduler=question.scheduler,
            max_concurrent=options.max_concurrent,
            trials_per_worker=options.trials_per_worker,
            uses_group=options.uses_group,
            checkpoint_every_s=options.checkpoint_every_s,
            hang_timeout_s=options.hang_timeout_s,
            repairs_oom=options.repairs_oom,
            ended_curves=self.before.ended_curves(),
            interrupted_curves=self.before.interrupted_curves(),
            own=self.own,
            histories=judged.histories,
            judge=judged.judge,
            flush=flush,
        )

    def facts(self) -> dict[str, Any]:
        """What all trials of this session share, as columns of `trials`."""
        need = self.question.need
        space = self.question.space_file.space
        changes = isinstance(self.question.scheduler, PBT)
        return {
            **self.code,
            "changing": ", ".join(space.axes) if changes else None,
            "num_workers": need.workers_per_trial,
            "num_threads": need.num_threads,
            "device": need.device,
        }


def _run(run: _Run, writer: SweepWriter, ending: Ending) -> Finished:
    """Run to the end, gently where a signal comes; the tables are closed then."""
    question, space = run.question, run.question.space_file.space
    ledger = Ledger(
        run.name,
        question.proposals,
        writer,
        facts=run.facts(),
        memo=run.todo.memo,
        ahead=run.todo.ahead,
        leftovers=run.before.leftovers,
        before=run.before.rows,
        metric=space.metric,
    )
    epochs = question.example.config.train.epochs
    planned = question.proposals.num_trials
    pace = Pace(planned, epochs)
    with gentle_interrupts(ending.interrupt):
        with (
            log_to_wandb(ledger, run.store, _warn, is_on=run.options.uses_wandb),
            follow(ledger, space.metric, space.mode, pace),
            _spending(run, ledger, ending),
            Pruner(
                ledger,
                run.store,
                run.options.retention,
                space.metric,
                space.mode,
                flush=writer.flush,
                tell=_warn,
            ),
        ):
            if run.todo.needs_training:
                with watch_head(lambda why: _give_up(run, ledger, writer, why)):
                    run_sweep(run.launch(writer.flush), ledger, ending)
            else:
                ledger.next_entry()  # books every trial as cached
        if not ending.reason and question.proposals.num_trials != planned:
            _note_size(run, question.proposals.num_trials)
        try:
            writer.close()
        except StoreError as error:
            ending.unwritten = str(error)
    return Finished(run.store, run.name, ending, ledger)


def _spending(
    run: _Run, ledger: Ledger, ending: Ending
) -> AbstractContextManager[object]:
    """Counts what the sweep spends, where it has a budget."""
    budget = run.options.budget_limit
    if budget is None:
        return nullcontext()
    need = run.question.need
    num_gpus = need.gpus_per_worker * need.workers_per_trial
    spending = Spending(budget, num_gpus, ending.conclude)
    ledger.tell(spending)
    return spending


def _note_size(run: _Run, num_trials: int) -> None:
    """Keep how many trials there were to be, where that was known only at the end."""
    try:
        about = run.store.read_description(run.name)
        run.store.write_description(run.name, {**about, "num_trials": num_trials})
    except OSError as error:
        _warn(f"{run.name}: its number of trials stays as planned: {error}")


def _give_up(run: _Run, ledger: Ledger, writer: SweepWriter, why: str) -> NoReturn:
    """Close the books of a sweep whose cluster is gone, and end; for any thread.

    The main one may be in a call of Ray's that never returns.
    """
    try:
        for close in (ledger.interrupt, partial(writer.close, compact=False)):
            try:
                close()
            except Exception as error:  # what is left of the books is closed, too
                _warn(str(error))
        Console(stderr=True).show_cursor()  # which a live table has hidden
        print_ending(Ending(why), resume_command(run.store, run.name))
        sys.stderr.flush()
    finally:
        os._exit(GONE)


def _keep_code(
    store: Store, name: str, question: Question, todo: Todo
) -> Mapping[str, Any]:
    """The columns of the code that trains, of which what no commit has is kept."""
    if not todo.needs_training:
        return code_columns("")
    own = question.space_file
    # The sweep goes on with its space as it was, which its description has.
    path = "" if is_edited(own.path, own.source) else own.path
    files = filter(None, [path, *own_paths(question.own)])
    return code_columns(keep_changes(store, name, [*files], _warn))


def _describe(question: Question, options: Options) -> dict[str, Any]:
    """What a sweep is: enough to list it, to explain it and to resume it."""
    space_file, space = question.space_file, question.space_file.space
    return {
        "kind": question.kind,
        "question": space_file.docstring,
        "space_file": space_file.path,
        "space_source": space_file.source,
        "space": to_data(space),
        "axes": list(space.axes),
        "metric": space.metric,
        "mode": space.mode,
        **_several(space),
        "baseline": getattr(question.proposals, "baseline", None),
        "arms": list(getattr(space, "arms", ())),
        "published": describe_published(space_file, question.layers),
        "num_trials": question.proposals.num_trials,
        "layers": [layer.to_json() for layer in question.layers],
        # Resolved: a resume on another machine must not ask for another device.
        "options": asdict(options) | {"gpus_per_worker": question.need.gpus_per_worker},
        "command": list(options.command),
        "config": flatten(question.example.config),
        "started": datetime.now(UTC).isoformat(),
        **provenance(),
    }


def _several(space: Space) -> dict[str, Any]:
    """The metrics of a Pareto front, where the space asks for one."""
    if not isinstance(space, Search) or not space.metrics:
        return {}
    return {"metrics": [f"{one.name}:{one.mode}" for one in space.objectives]}


def _warn(problem: str) -> None:
    print(problem, file=sys.stderr)
