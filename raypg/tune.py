"""`python -m raypg.tune SPACE.py`: run a space as a sweep, plan it, or resume one."""

import sys
from typing import Annotated, NoReturn

import typer

from raypg.causes import EVERY_CAUSE
from raypg.cluster.changes import EPOCHS
from raypg.cluster.ending import print_ending, resume_command
from raypg.cluster.plan import plan_sweep, print_plan
from raypg.cluster.prepare import Options
from raypg.cluster.resumed import MAY_CHANGE
from raypg.cluster.sweep import Finished, resume_sweep, start_sweep
from raypg.config import build_layers, to_yaml
from raypg.console import (
    check_alone,
    give_value,
    given_text,
    is_given,
    new_app,
    run_app,
    split_arguments,
    told_command,
)
from raypg.errors import ConfigError
from raypg.experiment import (
    RacingProposals,
    SearchProposals,
    base_config,
    load_space,
)
from raypg.results import Results, open_results, read_failures
from raypg.results.readable import print_answer
from raypg.retention import ALL
from raypg.store import DEFAULT_STORE

EPILOG = """Examples:

python -m raypg.tune search_spaces/densenet_depth.py

python -m raypg.tune my_space.py train.epochs=30 --plan

KEY=VALUE are dotted names of the config, as --print-config shows them.
"""

app = new_app()


@app.command(epilog=EPILOG, context_settings={"max_content_width": 100})
def tune(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="SPACE.py [KEY=VALUE ...]", show_default=False),
    ] = None,
    config: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="YAML of config keys.")
    ] = None,
    preset: Annotated[str, typer.Option(help="paper or smoke.")] = "",
    store: Annotated[
        str,
        typer.Option(
            envvar="RAYPG_STORE", callback=given_text, help="Folder, s3://… or gs://…"
        ),
    ] = DEFAULT_STORE,
    name: Annotated[
        str | None,
        typer.Option(callback=given_text, help="Of the sweep; default: the file's."),
    ] = None,
    address: Annotated[str, typer.Option(help="Of a Ray cluster to join.")] = "",
    workers_per_trial: Annotated[
        int, typer.Option(metavar="N", help="DDP workers of a trial.")
    ] = 1,
    gpus_per_worker: Annotated[
        float,
        typer.Option(metavar="X", show_default="1 where there are GPUs"),
    ] = -1.0,
    cpus_per_worker: Annotated[float, typer.Option(metavar="X")] = 1.0,
    max_concurrent: Annotated[
        int, typer.Option(metavar="N", help="Trials at a time; 0: all that fit.")
    ] = 0,
    trials_per_worker: Annotated[
        int, typer.Option(metavar="N", help="Then a new process; 0: never.")
    ] = 0,
    checkpoint_every: Annotated[
        float, typer.Option(metavar="S", help="Seconds between checkpoints.")
    ] = 15.0,
    hang_timeout: Annotated[
        float,
        typer.Option(
            metavar="S", help="A worker silent for S seconds is replaced; 0: never."
        ),
    ] = 600.0,
    repair_oom: Annotated[
        bool,
        typer.Option("--repair-oom", help="Out of memory: go on in micro-batches."),
    ] = False,
    keep_checkpoints: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            callback=given_text,
            help="Of ended trials: all, last, best or N best.",
        ),
    ] = ALL,
    checkpoint_disk: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            callback=given_text,
            help="As 50GB: past it the worst trials' go.",
        ),
    ] = None,
    until_interval: Annotated[
        float,
        typer.Option(
            metavar="X",
            show_default=False,
            help="More seeds for arms not within ±X.",
        ),
    ] = 0.0,
    max_seeds: Annotated[
        int | None,
        typer.Option(metavar="N", show_default="10", help="So many at the most."),
    ] = None,
    warm_start: Annotated[
        str | None,
        typer.Option(
            metavar="SWEEP,…",
            callback=given_text,
            help="A search learns from these first.",
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="X",
            callback=given_text,
            help="As 2h, 300epochs or 4gpuh: end with what is there.",
        ),
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Of named arms only this one; may have * and ?.",
        ),
    ] = None,
    worker_group: Annotated[
        bool, typer.Option("--worker-group", hidden=True)  # to compare both kinds
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train what the store holds, too.")
    ] = False,
    wandb: Annotated[
        bool, typer.Option("--wandb/--no-wandb", help="Log to W&B as well.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the base config and end.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="What would it cost? --plan=count: no step.")
    ] = False,
    plan_count: Annotated[bool, typer.Option("--plan-count", hidden=True)] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=given_text,
            help="Go on; with SPACE.py or train.epochs=N: with more.",
        ),
    ] = None,
    retry_failed: Annotated[
        str | None,
        typer.Option(
            metavar="[CAUSE]",
            callback=given_text,
            help="With --resume: failed trials, too.",
        ),
    ] = None,
    allow_changed: Annotated[
        bool,
        typer.Option("--allow-changed", help="With --resume: under changed code, too."),
    ] = False,
    run_saved_space: Annotated[
        bool,
        typer.Option(
            "--run-saved-space",
            hidden=True,  # for sweeps of older versions; the error names it
        ),
    ] = False,
) -> None:
    """Run every trial of a search space and say what came of it."""
    space, overrides = split_arguments(arguments or [])
    options = Options(
        store=store,
        name=name or "",
        address=address,
        workers_per_trial=workers_per_trial,
        gpus_per_worker=gpus_per_worker,
        cpus_per_worker=cpus_per_worker,
        max_concurrent=max_concurrent,
        trials_per_worker=trials_per_worker,
        uses_group=worker_group,
        is_fresh=fresh,
        uses_wandb=wandb,
        checkpoint_every_s=checkpoint_every,
        hang_timeout_s=hang_timeout,
        repairs_oom=repair_oom,
        keep_checkpoints=keep_checkpoints,
        checkpoint_disk=checkpoint_disk or "",
        until_interval=until_interval,
        max_seeds=Options.max_seeds if max_seeds is None else max_seeds,
        budget=budget or "",
        warm_start=tuple(filter(None, (warm_start or "").split(","))),
        arms=tuple(arms or ()),
        command=told_command(),
    )
    if resume:
        why = f"It keeps its config and what alters numbers; {EPOCHS} may grow."
        beside = ["store", "address", "retry_failed", "allow_changed", "repair_oom"]
        beside += ["run_saved_space", "budget", *MAY_CHANGE]
        is_grown = all(one.partition("=")[0].strip() == EPOCHS for one in overrides)
        beside += ["arguments"] * is_grown
        check_alone(context, "resume", beside, why)
        finished = resume_sweep(
            resume,
            options,
            space=space,
            overrides=overrides,
            retry_failed=retry_failed or "",
            allow_changed=allow_changed,
            runs_saved=run_saved_space,
            given=[one for one in MAY_CHANGE if is_given(context, one)],
        )
        _finish(finished, address)
    given = {
        "--retry-failed": retry_failed,
        "--allow-changed": allow_changed,
        "--run-saved-space": run_saved_space,
    }
    for option in (name for name, value in given.items() if value):
        rule, fix = "must stand beside --resume", "Add --resume NAME."
        raise ConfigError(option, rule, "no sweep to go on with", fix)
    if max_seeds is not None and not until_interval:
        rule, fix = "must stand beside --until-interval", "Add --until-interval 0.005."
        raise ConfigError("--max-seeds", rule, "no interval to race to", fix)
    if not space:
        rule = "must name a space file"
        fix = "Try search_spaces/densenet_depth.py, or see --help."
        raise ConfigError("command line", rule, "none", fix)
    layers = build_layers(preset, config or [], overrides)
    if print_config:
        space_file = load_space(space, layers, options.arms)
        print(to_yaml(base_config(space_file, layers)), end="")
    elif plan or plan_count:
        print_plan(plan_sweep(space, layers, options, runs_steps=not plan_count))
    else:
        _finish(start_sweep(space, layers, options), address)


def _finish(finished: Finished, address: str) -> NoReturn:
    """Print the answer, why the sweep ended early where it did, what failed; exit."""
    ending = finished.ending
    resume = resume_command(finished.store, finished.sweep, address)
    if not ending.unwritten:  # the answer is whole, and the store answers
        results = open_results(finished.store)
        print_answer(results, finished.sweep)
        if isinstance(finished.ledger.proposals, RacingProposals) and not ending.reason:
            print("\n" + "\n".join(finished.ledger.proposals.report()))
        proposals = finished.ledger.proposals
        if isinstance(proposals, SearchProposals) and proposals.has_lost_patience:
            num = proposals.num_trials
            print(f"No better best for long enough: it ended after {num} trials.")
    if ending.reason or ending.unwritten:
        print_ending(ending, resume)
    if finished.ledger.count("failed") and not ending.unwritten:
        _print_failures(results, finished, resume)
    sys.stdout.flush()
    raise typer.Exit(finished.exit_code)


def _print_failures(results: Results, finished: Finished, resume: str) -> None:
    """Say how many trials failed of what, where to read why, and how to run them."""
    groups = read_failures(results, finished.sweep)
    causes = ", ".join(f"{group.cause} {group.trials}" for group in groups)
    show = f"python -m raypg.results show {finished.sweep} {finished.store.option}"
    print(f"Failed: {causes}. Why: {show}", file=sys.stderr)
    print(f"Run them again with: {resume} --retry-failed", file=sys.stderr)


def main() -> None:
    """Run the command line; two of its options may have a word of their own or none."""
    sys.argv = ["--plan-count" if a == "--plan=count" else a for a in sys.argv]
    sys.argv = give_value(sys.argv, "--retry-failed", EVERY_CAUSE)
    run_app(app)


if __name__ == "__main__":
    main()
