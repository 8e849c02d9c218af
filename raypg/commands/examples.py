"""The command that compares two trials image by image: `diff`."""

from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    StoreOption,
    SweepsOption,
    open_existing,
)
from raypg.console import given_text
from raypg.results.examples import compare_examples
from raypg.results.show_examples import print_diff
from raypg.results.sides import find_sides
from raypg.store import DEFAULT_STORE


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", callback=given_text, help="Trial, arm, sweep or condition."
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B", callback=given_text, help="The one to compare with it."
        ),
    ],
    sweep: SweepsOption = None,
    limit: Annotated[
        int,
        typer.Option(min=1, help="Rows of a table; json and csv have all."),
    ] = 20,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """Which validation images A and B disagree on, and whether by more than chance.

    From the stored predictions: no model is run. csv has the images that flipped.
    """
    results = open_existing(store)
    sides = find_sides(results, (a, b), sweep or ())
    compared = compare_examples(results, sides[0].rows, sides[1].rows)
    print_diff(compared, (a, b), form, limit)
