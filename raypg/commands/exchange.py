"""Commands between the tables and other tools: `export`, `import`, `card`."""

import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from raypg.commands.options import (
    Mode,
    NameArgument,
    OutOption,
    StoreOption,
    open_existing,
)
from raypg.commands.outfile import written_to
from raypg.console import given_text
from raypg.exchange import (
    EXPORTS,
    IMPORTS,
    Asked,
    check_name,
    guess_format,
    read_sweep,
    write_import,
)
from raypg.exchange.place import check_free
from raypg.results.card import write_card
from raypg.results.output import print_table
from raypg.store import DEFAULT_STORE, Store


class Target(StrEnum):
    """Formats that a sweep is written in; the keys of `EXPORTS`."""

    tensorboard = "tensorboard"
    wandb = "wandb"
    optuna = "optuna"
    tune = "tune"


class Origin(StrEnum):
    """Formats that a sweep is read from; the keys of `IMPORTS`."""

    optuna = "optuna"
    tune = "tune"
    csv = "csv"


def export_sweep(
    name: NameArgument,
    to: Annotated[Target, typer.Option("--to", help="Whose format.")],
    out: Annotated[
        Path,
        typer.Option(metavar="PATH", help="Folder; for optuna a file. New or empty."),
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """A sweep in the format of another tool."""
    check_free(out)
    rows = read_sweep(open_existing(store), name)
    if not rows.trials:
        print(f"{name} has no trial yet: nothing is written.")
        return
    told = EXPORTS[to.value](rows, out)
    num_epochs = sum(len(own) for own in rows.epochs.values())
    print(f"{name}: {len(rows.trials)} trials, {num_epochs} epochs → {out}")
    print(told)


def import_sweep(
    path: Annotated[str, typer.Argument(metavar="PATH", help="File, folder or URL.")],
    name: Annotated[
        str, typer.Option(metavar="NAME", callback=given_text, help="Of the sweep.")
    ],
    origin: Annotated[
        Origin | None, typer.Option("--from", help="Default: as the path looks.")
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            metavar="COLUMN[=NAME]",
            help="What trials are judged by, and what the file calls it.",
        ),
    ] = "",
    mode: Annotated[Mode | None, typer.Option(help="Default: min of a loss.")] = None,
    study: Annotated[str, typer.Option(help="Of an Optuna storage with several.")] = "",
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Trials of another tool as a sweep, to be asked and compared as all others."""
    place = Store(store)
    place.check_place()
    check_name(place, name)
    asked = Asked(path, metric, mode.value if mode else "", study)
    old = IMPORTS[origin.value if origin else guess_format(path)](asked)
    rows = write_import(place, name, old, lambda line: print(line, file=sys.stderr))
    taken = [{"in the file": own, "taken as": told} for own, told in old.taken.items()]
    print_table(taken, ["in the file", "taken as"])
    print()
    for note in old.notes:
        print(note)
    counts = Counter(row["status"] for row in rows)
    ends = ", ".join(f"{number} {status}" for status, number in counts.items())
    num_epochs = sum(len(trial.epochs) for trial in old.trials)
    told = f"{len(rows)} trials ({ends or 'none'}), {num_epochs} epochs"
    print(f"{name}: {told}, from {old.source}.")
    print(f"Ask further: python -m raypg.results show {name} {place.option}")


def card(
    name: NameArgument,
    trial: Annotated[
        str, typer.Option(metavar="ID", help="Default: the best by validation.")
    ] = "",
    out: OutOption = None,
    test: Annotated[
        bool, typer.Option("--test", help="With the result on the test split.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """A model card in Markdown, for one trial."""
    with written_to(out):
        print(write_card(open_existing(store), name, trial, with_test=test), end="")
