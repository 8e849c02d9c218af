"""Commands that answer whether a choice matters: `compare` and `effects`."""

from enum import StrEnum
from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    NameArgument,
    StoreOption,
    SweepsOption,
    open_existing,
)
from raypg.errors import ResultsError
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT
from raypg.results.compare import compare_sides
from raypg.results.effects import find_effects
from raypg.results.importances import find_importances
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.metric import check_metric, metric_of, mode_of_sides
from raypg.results.output import print_rows
from raypg.results.show_compare import print_versus, versus_row
from raypg.results.show_effects import (
    effect_row,
    importance_row,
    print_effects,
    print_importances,
)
from raypg.results.sides import find_sides
from raypg.store import DEFAULT_STORE

MARKED = 1
"""Exit code of `--strict` where a comparison is marked."""


class Match(StrEnum):
    """What is to be alike."""

    parameters = "parameters"
    flops = "flops"


MetricOption = Annotated[str, typer.Option(help="Of validation; default: its own.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit 1 where a comparison is not fair.")
]


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Sweep, trial, arm, or …")],
    others: Annotated[
        list[str], typer.Argument(metavar="B", help="… condition: model.depth=22.")
    ],
    metric: MetricOption = "",
    sweep: SweepsOption = None,
    match: Annotated[
        Match | None, typer.Option(help="Pair what is alike within 10 %.")
    ] = None,
    strict: StrictOption = False,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """A less B, paired by seed, with its uncertainty; several Bs one by one."""
    results = open_existing(store)
    sides = find_sides(results, (a, *others), sweep or ())
    metric = metric_of(results, sides, metric)
    found = compare_sides(sides[0], sides[1:], metric, match.value if match else "")
    if form is Form.table:
        print_versus(found, mode_of_sides(results, sides, metric))
    else:
        rows = [versus_row(versus) for versus in found]
        print_rows(rows, list(rows[0]), form)
    return MARKED if strict and any(versus.marks for versus in found) else 0


def effects(
    name: NameArgument,
    metric: MetricOption = "",
    strict: StrictOption = False,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """What each choice does: arms, axes, pairs of axes; importances of a search."""
    results = open_existing(store)
    about = results.sweep_description(name)
    rows = [row for row in results.trials(name) if row["status"] not in LEFT]
    if metric and rows:
        check_metric(rows, metric)
    metric = metric or about.get("metric", DEFAULT_METRIC)
    ended = [row for row in rows if row["status"] in ENDED_WELL]
    if not any(row.get(metric) is not None for row in ended):
        rule = f"must have a completed trial with {metric}"
        fix = f"See: python -m raypg.results show {name}."
        raise ResultsError(name, rule, f"none of {len(rows)}", fix)
    axes = list(about.get("axes", ()))
    is_old = about.get("kind") == "import" and not about.get("baseline")
    if about.get("kind") == "search" or is_old:
        importances = find_importances(rows, metric, axes)
        if form is Form.table:
            print_importances(importances, metric)
        else:
            table = [importance_row(one) for one in importances]
            print_rows(table, ["kind", "name", "fanova", "mdi", "num_trials"], form)
        return 0
    found = find_effects(rows, metric, axes, about.get("baseline"))
    if form is Form.table:
        print_effects(found, metric, about.get("baseline"))
    else:
        table = [effect_row(effect, metric) for effect in found]
        print_rows(table, list(table[0]), form)
    return MARKED if strict and any(effect.marks for effect in found) else 0
