"""The checks that ablations and searches share; each yields what is wrong."""

from collections.abc import Iterator, Mapping

from raypg.errors import SpaceError, suggest_name
from raypg.faults import quote_value

METRICS = {
    "val.accuracy": "max",
    "val.loss": "min",
    "val.top5_accuracy": "max",
    "val.balanced_accuracy": "max",
    "val.macro_f1": "max",
    "val.calibration_error": "min",
}
"""What an arm may be judged by, and which way is better. The test split is not here:
nothing is selected by it."""
MAX_TRIALS = 100_000
"""More is a slip of the pen; the driver is measured to 10,000."""


def metric_faults(
    metric: object, mode: object, base: object = None
) -> Iterator[SpaceError]:
    """What is wrong with the number that trials are judged by.

    One of the user's own is checked with the config, where its base names it.
    """
    if isinstance(metric, list | tuple):
        found, fix = f"{len(metric)} of them", "A Search takes several as metrics=(…)."
        yield SpaceError("metric", "must be one name", found, fix)
    elif metric in own_columns(base) and metric not in METRICS:
        yield from choice_faults("mode", mode, ("max", "min"))
    elif not isinstance(metric, str) or metric not in METRICS:
        fix = suggest_name(str(metric), METRICS)
        rule = "must be a number of the validation split"
        yield SpaceError("metric", rule, quote_value(metric), fix)
    elif mode != METRICS[metric]:
        rule = f'must be "{METRICS[metric]}" for {metric}'
        yield SpaceError("mode", rule, quote_value(mode), "Change one of the two.")


def own_columns(base: object) -> list[str]:
    """The columns of the metrics that a base names, among them the user's own."""
    named = str(base.get("train.metrics", "")) if isinstance(base, Mapping) else ""
    return [f"val.{name.rpartition(':')[2].strip()}" for name in named.split(",")]


def base_faults(base: object) -> Iterator[SpaceError]:
    """What is wrong with a base before its names are looked up."""
    fix = 'Write base={"model.name": "densenet"}: dotted names and their values.'
    if not isinstance(base, Mapping):
        yield SpaceError("base", "must be a dict", type(base).__name__, fix)
        return
    for key in base:
        if not isinstance(key, str):
            yield SpaceError("base", "must have text as keys", quote_value(key), fix)


def axes_faults(axes: object, example: str) -> Iterator[SpaceError]:
    """What is wrong with the axes as a dict, their values left aside."""
    fix = f"Write axes={{{example}}}."
    if not isinstance(axes, Mapping):
        yield SpaceError("axes", "must be a dict", type(axes).__name__, fix)
    elif not axes:
        yield SpaceError("axes", "must have at least one axis", "none", fix)
    else:
        for axis in axes:
            if not isinstance(axis, str):
                rule = "must have text as keys"
                yield SpaceError("axes", rule, quote_value(axis), fix)


def choice_faults(
    where: str, value: object, known: tuple[str, ...]
) -> Iterator[SpaceError]:
    """What is wrong with a word that must be one of a few."""
    if value not in known:
        fix = suggest_name(str(value), known)
        yield SpaceError(where, "must be known", quote_value(value), fix)


def number_faults(
    where: str, value: object, low: int, high: int | None = None
) -> Iterator[SpaceError]:
    """What is wrong with a whole number that must lie in [low, high]."""
    span = f"of at least {low}" if high is None else f"from {low} to {high:,}"
    if isinstance(value, int) and not isinstance(value, bool) and low <= value:
        if high is None or value <= high:
            return
    rule = f"must be a whole number {span}"
    yield SpaceError(where, rule, quote_value(value), "Change it.")
