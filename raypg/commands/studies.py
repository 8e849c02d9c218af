"""Commands that train: `reproduce`, `check` and `explain`."""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    NameArgument,
    StoreOption,
    open_existing,
)
from raypg.errors import ResultsError
from raypg.results import Results
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.numerals import format_amount, format_metric
from raypg.results.output import print_rows
from raypg.store import DEFAULT_STORE

if TYPE_CHECKING:
    from raypg.studies.reproduce import Reproduction


def reproduce(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="Start of its id.")],
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """Train a trial again from its row: 0 the same (or within noise), 1 different."""
    from raypg.studies.reproduce import find_row

    results = open_existing(store)
    return _reproduce(results, [find_row(results, trial)], form)


def check(
    name: NameArgument,
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Trials.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Which trials are drawn.")] = 0,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """Reproduce some trials of a sweep, drawn at random: 1 where one is different."""
    results = open_existing(store)
    rows = [row for row in results.trials(name) if row["status"] == "completed"]
    rows = [row for row in rows if not row.get("mixed")]
    if not rows:
        rule, fix = "must have a trial that it completed itself", "See results show."
        raise ResultsError(name, rule, "none", fix)
    drawn = random.Random(seed).sample(rows, min(sample, len(rows)))
    return _reproduce(results, drawn, form)


def explain(
    best: Annotated[str, typer.Argument(metavar="BEST", help="Trial, arm, sweep …")],
    vs: Annotated[
        str, typer.Option("--vs", metavar="BASE", help="Likewise, or default.")
    ] = "default",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Of each place.")] = 3,
    address: Annotated[str, typer.Option(help="Of a Ray cluster to join.")] = "",
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """Train the way from BASE to BEST, one change at a time: what carries the gain?"""
    from raypg.cluster.ending import print_ending, resume_command
    from raypg.studies.explain import explain
    from raypg.studies.waterfall import print_steps, step_row

    results = open_existing(store)
    found = explain(results, best, vs, seeds=seeds, address=address, tell=_tell)
    finished = found.finished
    if form is Form.table:
        print_steps(found.steps, found.metric, found.mode)
    elif found.steps:
        rows = [step_row(step) for step in found.steps]
        print_rows(rows, list(rows[0]), form)
    if finished.ending.reason:
        resume = resume_command(finished.store, found.sweep, address)
        print_ending(finished.ending, resume)
    elif num := finished.ledger.count("failed"):
        show = f"python -m raypg.results show {found.sweep} {finished.store.option}"
        print(f"{num} trials failed: the places lack their seeds. Why: {show}")
    return finished.exit_code


def _reproduce(results: Results, rows: Sequence[Mapping[str, Any]], form: Form) -> int:
    # Here and not above: torch and Ray, which no other command needs.
    from raypg.studies.reproduce import DIFFERENT, reproduce

    found: list[Reproduction] = []
    for row in rows:
        about = results.sweep_description(row["sweep"])
        metric = about.get("metric", DEFAULT_METRIC)
        print(f"{row['trial']} ({row['arm']}, seed {row['seed']})", file=sys.stderr)
        found.append(reproduce(results, row, metric, _tell))
        if form is Form.table:
            _print(found[-1])
    if form is not Form.table:
        table = [asdict(one) for one in found]
        print_rows(table, list(table[0]), form)
    return 1 if any(one.verdict == DIFFERENT for one in found) else 0


def _print(one: "Reproduction") -> None:
    print(f"{one.trial} ({one.arm}): {one.verdict}")
    if one.same:
        print(f"  the same to the last bit: {', '.join(one.same)}")
    if one.other:
        first = f", from epoch {one.first_epoch} on" if one.first_epoch else ""
        print(f"  not the same: {', '.join(one.other)}{first}")
        values = (format_metric(value, one.metric) for value in (one.before, one.after))
        print(f"  {one.metric}: {' before, '.join(values)} now")
        noise = format_amount(one.noise, one.metric)
        what = f"up to {noise} is noise, by {one.noise_of}"
        print(f"  {what if one.noise_of else 'nothing tells what would be noise'}")
    print(f"  trained by {one.code}")
    changes = "; ".join(one.changes) or "nothing that is recorded"
    print(f"  changed since: {changes}")


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr)
