"""What several commands take, and the store that they read."""

from enum import StrEnum
from typing import Annotated

import typer

from raypg.console import given_text
from raypg.results import Results, open_store


class Form(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"
    parquet = "parquet"
    arrow = "arrow"


class Mode(StrEnum):
    """Which end of a metric is the good one."""

    max = "max"
    min = "min"


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="RAYPG_STORE",
        callback=given_text,
        help="Folder, s3://… or gs://…",
    ),
]
FormOption = Annotated[Form, typer.Option("--format", help="How to print.")]
OutOption = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE", callback=given_text, help="Write to a file instead."
    ),
]
SweepsOption = Annotated[
    list[str] | None,
    typer.Option("--sweep", metavar="NAME", help="Only this one; may be repeated."),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A sweep.")]


def open_existing(uri: str) -> Results:
    """The tables of a store that is there.

    Raises:
        StoreError: its place is not.
        ResultsError: nothing is in it.
    """
    results = open_store(uri)
    results.store.check_place()
    results.check_exists()
    return results
