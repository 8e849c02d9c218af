"""Commands that draw: `figure` for a paper, `report` and `serve` for a browser."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from raypg.commands.options import NameArgument, StoreOption, open_existing
from raypg.commands.outfile import check_target, write_out
from raypg.console import given_text
from raypg.results.figures import FIGURES, build_figure
from raypg.results.figures.on_paper import draw_file, format_of
from raypg.results.report import build_page
from raypg.results.report.address import LOOPBACK, Serving, bind
from raypg.results.report.server import serve as run_server
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
    check_target(out)
    drawn = build_figure(open_existing(store), name, kind, x=x, metric=metric)
    write_out(out, draw_file(drawn, form))
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
    check_target(path)
    page = build_page(open_existing(store), name, datetime.now(UTC))
    write_out(path, page.encode())
    print(path)


def serve(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="A sweep; default: all of them.")
    ] = "",
    host: Annotated[
        str, typer.Option(help="An address of this machine; 0.0.0.0 is all.")
    ] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 8266,
    every: Annotated[
        float, typer.Option(min=0.5, metavar="S", help="Seconds between looks.")
    ] = 5.0,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Reports in a browser that follow running sweeps; Ctrl-C ends it."""
    results = open_existing(store)
    if name:
        results.sweep_description(name)
    serving = Serving(results, name, host, port, every)
    bound = bind(serving)
    place = f"[{host}]" if ":" in host else host
    print(f"http://{place}:{bound.getsockname()[1]}/", flush=True)
    if not serving.is_private:
        told = "Whoever reaches this address can read the store's sweeps."
        print(told, file=sys.stderr, flush=True)
    run_server(serving, bound)
