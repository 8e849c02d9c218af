"""Published errors beside ours, as people and papers read them."""

from collections.abc import Sequence

from raypg.results.forms.latex import comment
from raypg.results.forms.markdown import escape
from raypg.results.memo import FlatRow
from raypg.results.numerals import with_reach
from raypg.results.output import Written, print_rows
from raypg.results.published import (
    Beside,
    beside_row,
    describe_otherwise,
    read_published,
)
from raypg.results.query import Results

_AS = "val.accuracy"
"""An error is said as an accuracy is: in percent, and its differences in points."""
_PAPER = ("latex", "markdown")


def print_published(
    results: Results, sweep: str, form: str = "table", *, with_test: bool = False
) -> None:
    """Print each published error with ours; what is otherwise comes before the numbers.

    Args:
        results: of the store.
        sweep: its name.
        form: how to print.
        with_test: whether ours is the test error; else that of validation.

    Raises:
        ResultsError: there is no such sweep, or it states no published errors.
    """
    found = read_published(results, sweep, with_test=with_test)
    if form not in ("table", *_PAPER):
        machine = [beside_row(one, with_test=with_test) for one in found]
        print_rows(machine, list(machine[0]), form)
        return
    rows = [readable_beside(one, with_test=with_test) for one in found]
    columns = describe_columns(sweep, found, with_test=with_test)
    notes = [*describe_otherwise(found), columns]
    if form == "latex":
        print(comment(notes))
    elif form == "table":
        print(*notes, sep="\n")
    print_rows(rows, list(rows[0]), form)
    if form == "markdown":
        print("", *map(escape, notes), sep="\n")


def readable_beside(one: Beside, *, with_test: bool = False) -> FlatRow:
    """One line for reading: errors in percent, the difference in points."""
    gap = one.difference
    return {
        "arm": one.arm,
        "seeds": one.num_seeds,
        f"our {'test' if with_test else 'validation'} error (%)": one.error
        and Written(with_reach(one.error.mean, one.error.low, _AS)),
        "published test error (%)": Written(f"{100 * one.published:.2f}"),
        "difference (points)": None
        if gap is None
        else Written(with_reach(gap, None, _AS, signed=True)),
        "source": one.source,
    }


def describe_columns(
    sweep: str, found: Sequence[Beside], *, with_test: bool = False
) -> str:
    """What the two columns of errors are."""
    ours = (
        "ours are test errors of each trial's best epoch by validation"
        if with_test
        else "ours are validation errors at the last epoch, not test errors, which "
        f"`results published {sweep} --test` has"
    )
    most = max(one.num_seeds for one in found)
    reach = (
        "mean ± half-width of the 95 % interval (Student's t) over seeds"
        if most > 1
        else "of one seed, so without an interval"
    )
    return f"{sweep}: {ours}; {reach}. Published: as the sources print them."
