"""The command that lets trials answer together: `ensemble`."""

from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    OutOption,
    StoreOption,
    SweepsOption,
    open_existing,
)
from raypg.commands.outfile import written_to
from raypg.results.ensemble import build_ensembles
from raypg.results.metric import metric_of
from raypg.results.show_ensemble import print_ensembles
from raypg.results.sides import find_sides
from raypg.store import DEFAULT_STORE


def ensemble(
    trials: Annotated[
        list[str],
        typer.Argument(metavar="TRIALS…", help="Trials, arms, sweeps or conditions."),
    ],
    metric: Annotated[
        str, typer.Option(help="To choose by: val.accuracy or val.loss.")
    ] = "",
    test: Annotated[
        bool, typer.Option("--test", help="With the result on the test split.")
    ] = False,
    sweep: SweepsOption = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """What trials are worth together: averaged, greedily selected, calibrated.

    From the stored predictions: no model is run.
    """
    with written_to(out):
        results = open_existing(store)
        sides = find_sides(results, trials, sweep or ())
        rows = [row for side in sides for row in side.rows]
        # What a trial's best epoch reached is no number of its stored predictions.
        own = metric or metric_of(results, sides).removeprefix("best.")
        print_ensembles(build_ensembles(results, rows, own, with_test=test), form)
