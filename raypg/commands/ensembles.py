"""The command that lets trials answer together: `ensemble`."""

import os
import sys
from collections.abc import Sequence
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
from raypg.results import Results
from raypg.results.arms import ENDED_WELL
from raypg.results.ensemble import METRICS, Ensemble, build_ensembles
from raypg.results.memo import FlatRow
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
    soup: Annotated[
        bool,
        typer.Option("--soup", help="Average weights, too: runs the networks."),
    ] = False,
    sweep: SweepsOption = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """What trials are worth together: averaged, greedily selected, calibrated.

    From the stored predictions; no model is run but for --soup.
    """
    with written_to(out):
        results = open_existing(store)
        sides = find_sides(results, trials, sweep or ())
        rows = [row for side in sides for row in side.rows]
        # What a trial's best epoch reached is no number of its stored predictions.
        own = metric or metric_of(results, sides).removeprefix("best.")
        if not metric and own not in METRICS:
            own = METRICS[0]  # one that stored predictions cannot tell
        found = build_ensembles(results, rows, own, with_test=test)
        if soup:
            found += _cook(results, rows, own, with_test=test)
        print_ensembles(found, form)


def _cook(
    results: Results, rows: Sequence[FlatRow], metric: str, *, with_test: bool
) -> list[Ensemble]:
    # Here and not above: torch, which no other part of this command needs.
    import torch

    from raypg.studies.soup import cook_soups
    from raypg.training.world import alone

    ended = {row["trial"]: row for row in rows if row["status"] in ENDED_WELL}
    is_there = torch.cuda.is_available()
    device = "cuda:0" if is_there else "cpu"
    world = alone(device, os.cpu_count() or 1)
    unique = [*ended.values()]
    return cook_soups(results, unique, metric, world, with_test=with_test, tell=_tell)


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr)
