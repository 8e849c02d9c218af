"""The command that weighs metrics against each other: `front`."""

from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    NameArgument,
    OutOption,
    StoreOption,
    open_existing,
)
from raypg.commands.outfile import written_to
from raypg.results import Results
from raypg.results.front import read_front
from raypg.results.output import print_rows
from raypg.results.show_front import front_columns, front_rows, print_front
from raypg.store import DEFAULT_STORE

_HELP = "NAME or NAME:min; two or more. Default: its own."


def front(
    name: NameArgument,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=_HELP)
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """The Pareto front of a sweep: what no other arm or trial beats in all metrics."""
    with written_to(out):
        show_front(open_existing(store), name, metric or (), form)


def show_front(
    results: Results, name: str, metrics: list[str] | tuple[()], form: Form
) -> None:
    """Print a front in the form asked for."""
    found = read_front(results, name, metrics)
    if form is Form.table:
        print_front(found)
    else:
        print_rows(front_rows(found), front_columns(found), form)
