"""What a trial reached, and how it was chosen: the evaluation of a model card."""

from raypg.results.candidate import Candidate
from raypg.results.memo import FlatRow
from raypg.results.numerals import format_metric
from raypg.results.output import MISSING

_UNKNOWN = "not recorded"


def evaluation_lines(one: Candidate, *, with_test: bool) -> list[str]:
    """The results on validation, how the trial was chosen, and its test result.

    Args:
        one: the trial.
        with_test: whether its test result was asked for.
    """
    row = one.row
    split = f" ({one.num_examples:,} images of {one.num_classes} classes)"
    lines = [
        f"On the validation split{split * bool(one.num_examples)}:",
        "",
        "| metric | last epoch | best epoch |",
        "|---|---|---|",
        *(_metric_line(row, n) for n in row if n.startswith("val.")),
        "",
        f"The last epoch is {row.get('num_epochs') or _UNKNOWN}, the best one "
        f"{row.get('best_epoch') or _UNKNOWN}. {_over_seeds(one)}",
        "",
        _choice(one),
    ]
    return lines + (["", *_test(one)] if with_test else [])


def _metric_line(row: FlatRow, name: str) -> str:
    values = (row[name], row.get(f"best.{name}"))
    cells = (MISSING if v is None else format_metric(v, name) for v in values)
    return f"| {name} | {' | '.join(cells)} |"


def _over_seeds(one: Candidate) -> str:
    """The interval over the seeds of the trial's arm, or why there is none."""
    mean = one.over_seeds
    if mean is None:
        return "No trial of its arm ended with a value."
    if mean.num_values < 2:
        return "One seed of its config was trained, so that there is no interval."
    told = format_metric(mean.mean, one.metric)
    if mean.low is None or mean.high is None:
        return f"Over {mean.num_values} seeds {one.metric} is {told} each time."
    low, high = (format_metric(end, one.metric) for end in (mean.low, mean.high))
    return (
        f"Over the {mean.num_values} seeds of its config {one.metric} at the last "
        f"epoch is {told} in the mean (95 % interval {low} to {high})."
    )


def _choice(one: Candidate) -> str:
    """Whether it was chosen, by what, and from how many."""
    trials = "1 trial" if one.num_rated == 1 else f"{one.num_rated} trials"
    arms = "1 config" if one.num_arms == 1 else f"{one.num_arms} configs"
    others = ", ".join(f"{num} {status}" for status, num in one.others.items())
    among = f"{trials} of {arms} that completed" + f" (and {others})" * bool(others)
    if not one.is_best:
        place = f"number {one.rank} by {one.metric}" if one.rank else "none of them"
        return f"It was named, not chosen: among {among} it is {place}."
    return f"It was chosen by {one.metric} at the last epoch among {among}."


def _test(one: Candidate) -> list[str]:
    if one.test is None:
        return ["On the test split there is no result of it."]
    told = ", ".join(
        f"{name} {format_metric(value, name)}"
        for name, value in one.test.items()
        if name.startswith("test.") and value is not None
    )
    images = f" ({one.num_test:,} images)" if one.num_test else ""
    epoch = one.test.get("epoch")
    state = f"with the weights of epoch {epoch}" if epoch else "of an unknown epoch"
    chosen = (
        f"The trial was chosen by validation among {one.num_rated}, not by this number."
        if one.is_best
        else f"The trial was named by hand, one of {one.num_rated}; who had seen test "
        "results before, nobody records."
    )
    return [f"On the test split{images}, {state}: {told}. {chosen}"]
