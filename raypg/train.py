"""`python -m raypg.train`: one trial without a cluster, or its test split once more."""

import os
import shlex
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from raypg.commands.probes import show_batch_sizes, show_lr
from raypg.commands.retested import print_retest
from raypg.config import build_layers, load, to_yaml
from raypg.console import (
    INTERRUPTED,
    check_alone,
    given_text,
    new_app,
    run_app,
    split_arguments,
    told_command,
)
from raypg.errors import ConfigError
from raypg.results import open_results
from raypg.results.output import print_table
from raypg.results.schema import flat_rows
from raypg.solo import (
    Finished,
    Options,
    resume_trial,
    retest_trial,
    start_trial,
)
from raypg.solo.device import check_device
from raypg.store import DEFAULT_STORE, Store

EPILOG = """Examples:

python -m raypg.train model.name=resnet train.epochs=10

python -m raypg.train --preset paper data.name=cifar100 --name paper100

python -m raypg.train --evaluate 3f2a

python -m raypg.train --find-lr model.name=resnet --out lr.svg

python -m raypg.train --find-batch-size model.name=resnet

KEY=VALUE are dotted names of the config, as --print-config shows them.
"""

COLUMNS = (
    "trial",
    "status",
    "num_epochs",
    "val.accuracy",
    "val.loss",
    "best_epoch",
    "test.accuracy",
    "test.loss",
    "num_parameters",
    "compile_s",
    "train_s",
)

app = new_app()


class Device(StrEnum):
    """Where a trial is trained."""

    cpu = "cpu"
    cuda = "cuda"


@app.command(epilog=EPILOG, context_settings={"max_content_width": 100})
def train(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE ...]", show_default=False)
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
        typer.Option(callback=given_text, help="Of its sweep; default: train, train-2"),
    ] = None,
    device: Annotated[
        Device | None, typer.Option(show_default="cuda where there is a GPU")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, metavar="N", help="CPU threads; 0: all cores.")
    ] = 0,
    checkpoint_every: Annotated[
        float, typer.Option(min=0, metavar="S", help="Seconds between checkpoints.")
    ] = 15.0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train it even if the store holds it.")
    ] = False,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the config and end.")
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(metavar="NAME", callback=given_text, help="Go on with it."),
    ] = None,
    evaluate: Annotated[
        str | None,
        typer.Option(
            metavar="TRIAL",
            callback=given_text,
            help="Test a trial's best epoch again, by the start of its id.",
        ),
    ] = None,
    run_kept_files: Annotated[
        bool,
        typer.Option(
            "--run-kept-files",
            help="With --evaluate: run files of your own out of the store, if changed.",
        ),
    ] = False,
    find_lr: Annotated[
        bool, typer.Option("--find-lr", help="Raise the rate, and suggest one.")
    ] = False,
    find_batch_size: Annotated[
        bool, typer.Option("--find-batch-size", help="Try batches until none fits.")
    ] = False,
    out: Annotated[
        str,
        typer.Option(metavar="FILE", help="Of --find-lr: FILE.svg, .pdf or .png."),
    ] = "",
) -> None:
    """Train one trial and say what came of it."""
    options = Options(
        store=store,
        name=name or "",
        device=_device(device),
        num_threads=threads or _num_cores(),
        is_fresh=fresh,
        checkpoint_every_s=checkpoint_every,
        command=told_command(),
    )
    if resume:
        check_alone(context, "resume", ["store"], "The trial keeps its own config.")
        _finish(resume_trial(resume, options))
    if evaluate:
        own = ["store", "device", "threads", "run_kept_files"]
        check_alone(context, "evaluate", own, "The trial has its own config.")
        where = device.value if device else ""
        again = retest_trial(
            Store(store),
            evaluate,
            device=where,
            num_threads=threads,
            runs_kept=run_kept_files,
        )
        print_retest(again)
        return
    if run_kept_files:
        rule, fix = "must stand beside --evaluate", "Add --evaluate TRIAL."
        raise ConfigError("--run-kept-files", rule, "no trial to test", fix)
    file, overrides = split_arguments(arguments or [])
    if file:
        rule, fix = "must be KEY=VALUE", f"Write --config FILE for {file}."
        if file.endswith(".py"):
            fix = f"A space is run by python -m raypg.tune {shlex.quote(file)}."
        raise ConfigError("command line", rule, f'"{file}"', fix)
    layers = build_layers(preset, config or [], overrides)
    if find_lr or find_batch_size:
        own = ["arguments", "config", "preset", "store", "device", "threads"]
        if find_lr:
            why = "It writes nothing into a store."
            check_alone(context, "find_lr", [*own, "out"], why)
            show_lr(load(layers), options.world, Store(store), out)
        else:
            why = "It writes nothing."
            check_alone(context, "find_batch_size", own, why)
            show_batch_sizes(load(layers), options.world)
        return
    if out:
        rule, fix = "must have --find-lr beside it", "Remove it."
        raise ConfigError(f"--out {out}", rule, "no figure to draw", fix)
    if print_config:
        print(to_yaml(load(layers)), end="")
    else:
        _finish(start_trial(layers, options))


def _device(asked: Device | None) -> str:
    """Where to train.

    Raises:
        ConfigError: a GPU is asked for, and there is none.
    """
    import torch

    if asked is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    check_device(asked.value, "--device", "Write --device cpu, or leave it out.")
    return asked.value


def _num_cores() -> int:
    """The cores that this process may use, which not every system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _finish(finished: Finished) -> NoReturn:
    """Print the trial's row, and how to go on where it was interrupted; exit."""
    where = finished.store.option
    resume = f"python -m raypg.train --resume {finished.sweep} {where}"
    if finished.failure:
        print(finished.failure, file=sys.stderr)
        print(f"Go on with: {resume}", file=sys.stderr)
        raise typer.Exit(1)
    results = open_results(finished.store)
    (row,) = results.trials(finished.sweep)
    tests = flat_rows(results.sql("from test_results", sweeps=[finished.sweep]))
    row = {**(tests[0] if tests else {}), **row}
    print_table([row], [name for name in COLUMNS if row.get(name) is not None])
    print(f"Ask further: python -m raypg.results show {finished.sweep} {where}")
    if finished.status == "interrupted":
        print(f"Go on with: {resume}", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(1 if finished.status == "failed" else 0)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
