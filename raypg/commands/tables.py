"""Commands that print what the tables hold: `ls`, `show`, `best`, `sql`."""

from dataclasses import asdict, fields
from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    Mode,
    NameArgument,
    StoreOption,
    SweepsOption,
    open_existing,
)
from raypg.errors import ResultsError
from raypg.results.listing import DEFAULT_METRIC, SweepLine
from raypg.results.output import print_rows
from raypg.results.schema import flat_rows, flatten
from raypg.results.show import print_sweep, trial_facts
from raypg.store import DEFAULT_STORE


def list_sweeps(
    store: StoreOption = DEFAULT_STORE, form: FormOption = Form.table
) -> None:
    """All sweeps: how many trials, how they ended, the best one."""
    lines = [asdict(line) for line in open_existing(store).sweeps()]
    print_rows(lines, [field.name for field in fields(SweepLine)], form)


def show(
    name: NameArgument,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """One sweep: its answer, its trials, what failed and why."""
    results = open_existing(store)
    if form is Form.table:
        print_sweep(results, name)
    else:
        rows = results.trials(name)
        print_rows(rows, list(rows[0]) if rows else [], form)


def best(
    name: NameArgument,
    metric: Annotated[str, typer.Option(help="Of validation; default: its own.")] = "",
    mode: Annotated[
        Mode | None, typer.Option(help="Default: min of a loss, max of the rest.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """The best trial of a sweep by validation, never by the test split."""
    results = open_existing(store)
    about = results.sweep_description(name)
    metric = metric or about.get("metric", DEFAULT_METRIC)
    own = about.get("mode") if metric == about.get("metric") else None
    guess = "min" if metric.endswith("loss") else "max"
    row = results.best(name, metric, mode.value if mode else own or guess)
    if row is None:
        fix = f"See: python -m raypg.results show {name}."
        raise ResultsError(name, f"must have a trial with {metric}", "none", fix)
    if form is not Form.table:
        print_rows([row], list(row), form)
        return
    facts = [{"column": key, "value": value} for key, value in trial_facts(row)]
    print_rows(facts, ["column", "value"], form)


def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    sweeps: SweepsOption = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """Whatever you ask: DuckDB's SQL over the tables."""
    table = open_existing(store).sql(query, sweeps=sweeps or ())
    print_rows(flat_rows(table), flatten(table).column_names, form)
