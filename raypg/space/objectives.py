"""Metrics of a Pareto front, as a person names them: `val.accuracy`, `train_s:min`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raypg.errors import SpaceError, suggest_name
from raypg.faults import quote_value
from raypg.space.checks import METRICS

COSTS = {"num_parameters": "min", "num_flops": "min", "train_s": "min"}
"""Columns of `trials` that say what a trial costs, and which way is better."""
MODES = METRICS | COSTS
"""Of what raypg itself measures."""
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Objective:
    """A column of `trials`, and which end of it is the good one."""

    name: str
    mode: str
    """`max` or `min`."""

    @property
    def sign(self) -> int:
        """What makes more of it better."""
        return 1 if self.mode == "max" else -1


def split_objective(text: str) -> tuple[str, str]:
    """The name and the mode in `NAME:MODE`; an empty mode where none is written."""
    name, _, mode = text.rpartition(":")
    return (name, mode) if name else (mode, "")


def build_objectives(texts: Sequence[str]) -> tuple[Objective, ...]:
    """What `objectives_faults` finds no fault with."""
    pairs = map(split_objective, texts)
    return tuple(Objective(name, MODES.get(name, mode)) for name, mode in pairs)


def objectives_faults(texts: object, own: Sequence[str]) -> Iterator[SpaceError]:
    """What is wrong with the metrics of a search that has several.

    Args:
        texts: of the space.
        own: columns of the user's own metrics, which say their mode.
    """
    where, fix = "metrics", 'Write metrics=("val.accuracy", "num_parameters").'
    is_list = isinstance(texts, list | tuple)
    if not is_list or not all(isinstance(text, str) for text in texts):  # type: ignore[attr-defined]
        yield SpaceError(where, "must be a list of names", quote_value(texts), fix)
        return
    assert isinstance(texts, list | tuple)
    names = [split_objective(text)[0] for text in texts]
    if len(names) < _LEAST:
        found = f"{len(names)} of them"
        fix = 'Write metric="val.accuracy" for one.'
        yield SpaceError(where, "must be two or more", found, fix)
    for place, text in enumerate(texts):
        name, mode = split_objective(text)
        if name in names[:place]:
            fix = "Remove one of the two."
            yield SpaceError(where, "must all differ", f'"{name}" twice', fix)
        elif name in own and name not in MODES:
            if mode not in ("max", "min"):
                rule, fix = "must say which end is good", f'Write "{name}:min".'
                yield SpaceError(where, rule, quote_value(text), fix)
        elif name not in MODES:
            rule = "must be numbers of the validation split, or costs"
            fix = suggest_name(name, [*MODES, *own])
            yield SpaceError(where, rule, quote_value(text), fix)
        elif mode not in ("", MODES[name]):
            rule = f'must be "{MODES[name]}" for {name}'
            yield SpaceError(where, rule, quote_value(text), f'Write "{name}".')
    if names and names[0] in COSTS:
        rule = "must begin with one of the validation split"
        fix = "Put it first: the best epoch of a trial is chosen by it."
        yield SpaceError(where, rule, quote_value(names[0]), fix)
