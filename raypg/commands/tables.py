"""Commands that print what the tables hold: `show`, `best`, `published`, `sql`."""

from typing import Annotated

import typer

from raypg.commands.fronts import show_front
from raypg.commands.options import (
    Form,
    FormOption,
    Mode,
    NameArgument,
    OutOption,
    StoreOption,
    SweepsOption,
    open_existing,
)
from raypg.commands.outfile import written_to
from raypg.errors import ResultsError
from raypg.results import Results
from raypg.results.candidate import best_trial, find_candidate
from raypg.results.front import own_objectives
from raypg.results.memo import FlatRow
from raypg.results.output import print_arrow, print_rows
from raypg.results.paper import print_paper
from raypg.results.show import print_sweep, trial_facts
from raypg.results.show_published import print_published
from raypg.store import DEFAULT_STORE


def show(
    name: NameArgument,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """One sweep: its answer, its trials, what failed and why."""
    with written_to(out):
        results = open_existing(store)
        if form is Form.table:
            print_sweep(results, name)
        elif form in (Form.markdown, Form.latex):
            print_paper(results, name, form)
        else:
            print_arrow(results.trials_table(name), form)


def best(
    name: NameArgument,
    metric: Annotated[str, typer.Option(help="Of validation; default: its own.")] = "",
    mode: Annotated[
        Mode | None, typer.Option(help="Default: min of a loss, max of the rest.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="With its result on the test split.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """The best trial of a sweep by validation, never by the test split.

    Of a search with several metrics: its Pareto front.
    """
    with written_to(out):
        results = open_existing(store)
        about = results.sweep_description(name)
        if own_objectives(about) and not (metric or mode):
            if test:
                rule, fix = "must be given with several metrics", "Say by which one."
                raise ResultsError("--metric", rule, f"--test of {name} alone", fix)
            show_front(results, name, (), form)
            return
        row = best_trial(results, name, metric, mode.value if mode else "")
        if test:
            row = {**row, **_tested(results, name, row)}
        if form in (Form.table, Form.markdown, Form.latex):
            facts = [{"column": key, "value": value} for key, value in trial_facts(row)]
            print_rows(facts, ["column", "value"], form)
        elif test:
            print_rows([row], list(row), form)
        else:
            trials = results.trials_table(name)
            place = trials["trial"].to_pylist().index(row["trial"])
            print_arrow(trials.slice(place, 1), form)


def published(
    name: NameArgument,
    test: Annotated[
        bool, typer.Option("--test", help="Test errors of ours, not of validation.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """Our errors beside those that papers print, where the space states them."""
    with written_to(out):
        print_published(open_existing(store), name, form, with_test=test)


def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    sweeps: SweepsOption = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """Whatever you ask: DuckDB's SQL over the tables."""
    with written_to(out):
        print_arrow(open_existing(store).sql(query, sweeps=sweeps or ()), form)


def _tested(results: Results, name: str, row: FlatRow) -> dict[str, object]:
    """What the best trial reached on the test split, and how often it was chosen."""
    found = find_candidate(results, name, row["trial"], with_test=True)
    told = found.test or {}
    return {
        "test.accuracy": told.get("test.accuracy"),
        "test.loss": told.get("test.loss"),
        "test.epoch": told.get("epoch"),
        # Who was stopped early was a candidate, too.
        "selected_from": found.num_rated + found.others.get("stopped", 0),
    }
