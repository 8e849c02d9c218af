"""The command line over the tables: parse, call, print, exit code."""

from dataclasses import asdict, fields
from enum import StrEnum
from typing import Annotated

import typer

from raypg.console import given_text, new_app, run_app
from raypg.errors import ResultsError
from raypg.results.listing import DEFAULT_METRIC, SweepLine
from raypg.results.output import print_rows
from raypg.results.query import Results, open_results
from raypg.results.schema import flat_rows, flatten
from raypg.results.show import print_sweep, trial_facts
from raypg.store import DEFAULT_STORE

EPILOG = """
Examples:

  python -m raypg.results ls

  python -m raypg.results show densenet_depth

  python -m raypg.results sql "select config.model.depth, avg(val.accuracy)
  from trials group by all"

Tables: epochs, trials, unique_trials (each trial once, whatever sweeps hold it),
predictions, test_results, test_predictions.
"""

app = new_app(help="Ask the tables that sweeps leave.", epilog=EPILOG)


class Form(StrEnum):
    """How results are printed."""

    table = "table"
    json = "json"
    csv = "csv"


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
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A sweep.")]


@app.command("ls")
def list_sweeps(
    store: StoreOption = DEFAULT_STORE, form: FormOption = Form.table
) -> None:
    """All sweeps: how many trials, how they ended, the best one."""
    lines = [asdict(line) for line in _open(store).sweeps()]
    print_rows(lines, [field.name for field in fields(SweepLine)], form)


@app.command()
def show(
    name: NameArgument,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """One sweep: its answer, its trials, what failed and why."""
    results = _open(store)
    if form is Form.table:
        print_sweep(results, name)
    else:
        rows = results.trials(name)
        print_rows(rows, list(rows[0]) if rows else [], form)


@app.command()
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
    results = _open(store)
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


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> None:
    """Whatever you ask: DuckDB's SQL over the tables."""
    table = _open(store).sql(query)
    print_rows(flat_rows(table), flatten(table).column_names, form)


def _open(uri: str) -> Results:
    results = open_results(uri)
    results.store.check_place()
    if not results.store.exists():
        fix = "Run a sweep first, or name another --store."
        raise ResultsError(f"--store {uri}", "must exist", "nothing there", fix)
    return results


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
