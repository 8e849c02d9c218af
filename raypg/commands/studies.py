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
from raypg.commands.outfile import check_target, write_out
from raypg.console import given_text
from raypg.errors import ResultsError
from raypg.results import Results, summarise
from raypg.results.figures.on_paper import draw_file, format_of
from raypg.results.figures.source import read_source
from raypg.results.figures.waterfall import build_waterfall
from raypg.results.listing import DEFAULT_METRIC
from raypg.results.numerals import format_amount, format_metric
from raypg.results.output import print_rows
from raypg.results.readable import print_answer
from raypg.store import DEFAULT_STORE

if TYPE_CHECKING:
    from raypg.studies.reproduce import Reproduction


KeptOption = Annotated[
    bool,
    typer.Option(
        "--run-kept-files", help="Run files of your own out of the store, if changed."
    ),
]


def reproduce(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="Start of its id.")],
    run_kept_files: KeptOption = False,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """Train a trial again from its row: 0 the same (or within noise), 1 different."""
    from raypg.studies.reproduce import find_row

    results = open_existing(store)
    rows = [find_row(results, trial)]
    return _reproduce(results, rows, form, runs_kept=run_kept_files)


def check(
    name: NameArgument,
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Trials.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Which trials are drawn.")] = 0,
    run_kept_files: KeptOption = False,
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
    return _reproduce(results, drawn, form, runs_kept=run_kept_files)


def explain(
    best: Annotated[str, typer.Argument(metavar="BEST", help="Trial, arm, sweep …")],
    vs: Annotated[
        str, typer.Option("--vs", metavar="BASE", help="Likewise, or default.")
    ] = "default",
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Of each place.")] = 3,
    address: Annotated[str, typer.Option(help="Of a Ray cluster to join.")] = "",
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            callback=given_text,
            help="Draw it, too: FILE.svg, .pdf or .png.",
        ),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
) -> int:
    """Train the way from BASE to BEST, one change at a time: what carries the gain?"""
    from raypg.cluster.ending import print_ending, resume_command
    from raypg.studies.explain import explain

    if out is not None:
        format_of(out)
        check_target(out)
    results = open_existing(store)
    finished = explain(results, best, vs, seeds=seeds, address=address, tell=_tell)
    if form is Form.table:
        print_answer(results, finished.sweep)
    elif rows := summarise(results, finished.sweep).rows:
        print_rows(rows, list(rows[0]), form)
    if out is not None:
        _draw(results, finished.sweep, out)
    if finished.ending.reason:
        resume = resume_command(finished.store, finished.sweep, address)
        print_ending(finished.ending, resume)
    elif num := finished.ledger.count("failed"):
        show = f"python -m raypg.results show {finished.sweep} {finished.store.option}"
        lack = f"{num} trials failed: the places lack their seeds. Why: {show}"
        print(lack, file=sys.stderr)
    return finished.exit_code


def _draw(results: Results, sweep: str, path: str) -> None:
    """Draw the waterfall of a sweep that was just trained, or say why not."""
    figure = build_waterfall(read_source(results, sweep))
    if figure.is_empty:
        print(f"{path} is not written: {figure.caption}", file=sys.stderr)
    else:
        write_out(path, draw_file(figure, format_of(path)))


def _reproduce(
    results: Results, rows: Sequence[Mapping[str, Any]], form: Form, *, runs_kept: bool
) -> int:
    # Here and not above: torch and Ray, which no other command needs.
    from raypg.studies.reproduce import DIFFERENT, reproduce

    found: list[Reproduction] = []
    for row in rows:
        about = results.sweep_description(row["sweep"])
        metric = about.get("metric", DEFAULT_METRIC)
        print(f"{row['trial']} ({row['arm']}, seed {row['seed']})", file=sys.stderr)
        again = reproduce(results, row, metric, _tell, runs_kept=runs_kept)
        found.append(again)
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
