"""The command that compares two trials image by image: `diff`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from raypg.commands.options import Form, FormOption, StoreOption, open_existing
from raypg.console import given_text
from raypg.errors import ResultsError, suggest_name
from raypg.results import Results
from raypg.results.examples import compare_examples
from raypg.results.memo import FlatRow
from raypg.results.schema import flat_rows
from raypg.results.show_examples import print_diff
from raypg.store import DEFAULT_STORE


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A", callback=given_text, help="A trial, by the start of its id."
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(
            metavar="B", callback=given_text, help="The one to compare with it."
        ),
    ],
    sweep: Annotated[
        list[str] | None,
        typer.Option(help="Look in this sweep alone; may be given several times."),
    ] = None,
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
    rows_a, rows_b = (_find_rows(results, text, sweep or ()) for text in (a, b))
    compared = compare_examples(results, rows_a, rows_b)
    print_diff(compared, (a, b), form, limit)


def _find_rows(results: Results, text: str, sweeps: Sequence[str]) -> list[FlatRow]:
    """The one trial whose id starts so.

    Raises:
        ResultsError: none does, or several do; names the nearest.
    """
    columns = "trial, sweep, seed, status, status_reason, source_sweep"
    query = f"select {columns} from unique_trials order by trial"
    rows = flat_rows(results.sql(query, sweeps=sweeps))
    found = [row for row in rows if row["trial"].startswith(text)]
    if len(found) == 1:
        return found
    rule, names = "must start the id of one trial", [row["trial"] for row in rows]
    if not found:
        raise ResultsError(text, rule, "none", suggest_name(text, names))
    several = ", ".join(row["trial"] for row in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    raise ResultsError(text, rule, several + more, "Give more of its id.")
