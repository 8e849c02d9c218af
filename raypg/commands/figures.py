"""Commands that draw: `figure` for a paper, `report` for a browser."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from raypg.commands.options import NameArgument, StoreOption, open_existing
from raypg.console import given_text
from raypg.results.figures import FIGURES, build_figure
from raypg.results.figures.on_paper import draw_file, format_of
from raypg.results.report import build_page
from raypg.results.whole_file import write_file
from raypg.store import DEFAULT_STORE


def figure(
    name: NameArgument,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=", ".join(FIGURES) + ".")],
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="FILE.svg, .pdf or .png.")
    ],
    x: Annotated[
        str,
        typer.Option("--x", help="Of axis a setting; of tradeoff a cost: flops."),
    ] = "",
    metric: Annotated[str, typer.Option(help="Of validation; default: its own.")] = "",
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """One figure of a sweep, for a paper; its caption is printed."""
    form = format_of(out)
    drawn = build_figure(open_existing(store), name, kind, x=x, metric=metric)
    write_file(out, draw_file(drawn, form))
    print(drawn.caption)


def report(
    name: NameArgument,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE", callback=given_text, help="Default: NAME.html."
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """A sweep on one page, which opens without a network; prints where it lies."""
    path = out or f"{name}.html"
    page = build_page(open_existing(store), name, datetime.now(UTC))
    write_file(path, page.encode())
    print(path)
