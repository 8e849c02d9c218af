"""`watch`: follow a sweep while it runs, from any machine that sees its store."""

from typing import Annotated

import typer

from raypg.commands.options import NameArgument, StoreOption, open_existing
from raypg.store import DEFAULT_STORE


def _given_seconds(seconds: float) -> float:
    if not 0.1 <= seconds <= 3600:  # nor NaN
        raise typer.BadParameter("must be from 0.1 to 3600 seconds")
    return seconds


def watch(
    name: NameArgument,
    every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", callback=_given_seconds, help="Between two looks."
        ),
    ] = 2.0,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Follow a running sweep until it ends, then print its answer."""
    # Here and not above: nothing else draws a live table.
    from raypg.results.watch.follow import watch_sweep

    watch_sweep(open_existing(store), name, every)
