"""Commands about whole sweeps: `ls`, `rm`."""

import sys
from dataclasses import asdict, fields
from typing import Annotated

import typer

from raypg.commands.options import (
    Form,
    FormOption,
    OutOption,
    StoreOption,
    open_existing,
)
from raypg.commands.outfile import written_to
from raypg.errors import ResultsError
from raypg.results.listing import SweepLine
from raypg.results.output import print_rows
from raypg.results.removal import check_removable, remove_sweep
from raypg.store import DEFAULT_STORE

NamesArgument = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Sweeps to delete.")
]


def list_sweeps(
    store: StoreOption = DEFAULT_STORE,
    form: FormOption = Form.table,
    out: OutOption = None,
) -> None:
    """All sweeps: how many trials, how they ended, the best one."""
    with written_to(out):
        lines = [asdict(line) for line in open_existing(store).sweeps()]
        print_rows(lines, [field.name for field in fields(SweepLine)], form)


def remove(
    names: NamesArgument,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    is_forced: Annotated[
        bool, typer.Option("--force", help="Although others took trials from it.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> int:
    """Delete sweeps with all that they hold; asks before."""
    results = open_existing(store)
    chosen = list(dict.fromkeys(names))
    if is_forced:
        for name in chosen:
            results.sweep_description(name)
    else:
        check_removable(results, chosen)
    if not (is_sure or _is_confirmed(chosen, results.store.uri)):
        print("Nothing was removed.", file=sys.stderr)
        return 1
    for name in chosen:
        remove_sweep(results, name)
        print(f"removed {name}")
    return 0


def _is_confirmed(names: list[str], uri: str) -> bool:
    """Whether a person at a terminal says yes.

    Raises:
        ResultsError: there is no terminal to ask at.
    """
    if not sys.stdin.isatty():
        rule, fix = "must be confirmed", "Say --yes."
        raise ResultsError("rm", rule, "no terminal to ask at", fix)
    return typer.confirm(f"Remove {', '.join(names)} from {uri} for good?", err=True)
