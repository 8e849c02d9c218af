"""What the tables themselves say against taking a number for more than it is."""

from collections.abc import Iterator

from raypg.results.candidate import Candidate
from raypg.results.numerals import format_metric, is_ratio


def limits_of(one: Candidate) -> Iterator[str]:
    """The limits of a trial's result, each a sentence."""
    yield from _limits_of_choice(one)
    yield from _limits_of_training(one)
    yield from _limits_of_code(one)


def _limits_of_choice(one: Candidate) -> Iterator[str]:
    mean = one.over_seeds
    if mean is None or mean.num_values < 2:
        yield (
            "One seed: how much of the number is luck with the first weights and the "
            "order of examples is unknown."
        )
    elif one.is_best and one.rank == 1:
        value = format_metric(one.row[one.metric], one.metric)
        told = format_metric(mean.mean, one.metric)
        yield (
            f"It is the best of {mean.num_values} seeds of its config: {value}, where "
            f"the seeds' mean is {told}."
        )
    if one.is_best and one.num_rated > 1:
        yield f"Being the best of {one.num_rated} trials, the number flatters."
    if one.num_examples and is_ratio(one.metric):
        points = 100 / one.num_examples
        images = f"{one.num_examples:,} images"
        yield f"Validation is on {images}: one of them is {points:.2g} points."
    if not one.num_examples:
        yield "How many images validation is on is not recorded."


def _limits_of_training(one: Candidate) -> Iterator[str]:
    row = one.row
    fraction = row.get("config.data.fraction")
    if fraction is not None and fraction < 1:
        yield f"Trained on {100 * fraction:.3g} % of the training split."
    if row["status"] not in ("completed", "cached"):
        reason = f": {row['status_reason']}" if row.get("status_reason") else ""
        yield f"It did not complete, it is {row['status']}{reason}."
    if row.get("source_sweep"):
        yield f"Its numbers are those of the sweep {row['source_sweep']}."
    if (micro_batch := row.get("micro_batch")) is not None:
        yield (
            f"It ran out of memory and went on with {micro_batch} examples at once: "
            "batch statistics, if any, are of so many."
        )
    if row.get("mixed"):
        yield f"It was begun before a change of {row['mixed']}, and ended after it."


def _limits_of_code(one: Candidate) -> Iterator[str]:
    row = one.row
    if one.is_imported:
        yield (
            "Another tool has trained it: on which data, split and code, this store "
            "does not know, nor whether validation chose anything else before."
        )
    elif row.get("git.commit") is None:
        yield "The commit of the code is not recorded."
    elif row.get("git.dirty"):
        yield (
            "The code had changes that were not committed, so that the commit alone "
            "does not reproduce it."
        )
    if (row.get("num_workers") or 1) > 1:
        workers = row["num_workers"]
        yield f"{workers} workers trained it; one alone gives other batch statistics."
    yield "Only images like those of its data set were evaluated; nothing else was."
