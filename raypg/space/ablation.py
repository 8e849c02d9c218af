"""An ablation: axes and the design that makes arms of them, or arms with names."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from raypg.errors import SpaceError, suggest_name
from raypg.faults import join_errors, quote_value
from raypg.space.checks import (
    MAX_TRIALS,
    axes_faults,
    base_faults,
    choice_faults,
    metric_faults,
    number_faults,
)
from raypg.space.distributions import Value, When, options_faults
from raypg.space.fractions import MOST_FACTORS, RESOLUTIONS, build_fraction
from raypg.space.named import named_faults, published_faults

Design = Literal["full", "one_at_a_time", "leave_one_out", "zip", "pairs", "fractional"]
_DESIGNS = (
    "full",
    "one_at_a_time",
    "leave_one_out",
    "zip",
    "pairs",
    "fractional",
)
_EXAMPLE = '"model.depth": [22, 40]'
_RESOLUTION = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Ablation:
    """Arms that differ in the axes, each trained with the same seeds.

    In place of axes there may be `arms`, each with a name and keys of its own; the
    baseline is then the one that `baseline` names, and without it nothing is compared.
    What the command line sets, it sets in all of them.

    The designs of axes:
        full: every combination of the axes' values.
        zip: the first values of all axes, the second ones, and so on.
        one_at_a_time: the baseline, and for each value of each axis the baseline with
            that one changed. A value that the baseline has makes no second arm.
        leave_one_out: the base has the features on; an axis holds what a feature is
            when it is off (`{"data.flip": [False]}`). The baseline, and for each of
            these values the baseline with that one feature off.
        pairs: one_at_a_time, and the baseline with two of these changes, of each two
            axes: what the one does beside the other, two by two.
        fractional: of axes with two values each, a fraction of all combinations in
            which the effects of single axes stand apart (`resolution` says from what).

    The baseline arm is the base itself, or with `baseline` the base with these values
    of its axes. Under `full`, `zip` and `fractional` it is the arm that has the same
    values; if none has, a named baseline is an arm of its own, and else the first arm
    stands for it.

    Raises:
        SpaceError: an axis, a seed or the design is wrong; every fault is named.
    """

    base: Mapping[str, Value] = field(default_factory=dict)
    """What all arms share, by dotted name."""
    axes: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    """What they differ in: values by dotted name."""
    arms: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """In place of axes: what each arm sets above the base, by its name."""
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Test errors of named arms in percent, as papers print them: by source, by arm."""
    seeds: int | Sequence[int] = 1
    """How many, from 0 on, or which."""
    design: Design = "full"
    resolution: int = _RESOLUTION
    """Of a fractional design: at 3 the effect of an axis is mixed with interactions of
    two others, at 4 it is free of them, at 5 each interaction of two stands apart."""
    baseline: Mapping[str, Value] | str | None = None
    """Values of axes that make the baseline arm, None: the base's; of named arms the
    name of one, None: none."""
    metric: str = "val.accuracy"
    mode: Literal["max", "min"] = "max"

    def __post_init__(self) -> None:
        faults = [
            *base_faults(self.base),
            *_seeds_faults(self.seeds),
            *choice_faults("design", self.design, _DESIGNS),
            *metric_faults(self.metric, self.mode, self.base),
            *published_faults(self.published, self.arms),
        ]
        if self.arms:
            faults += named_faults(self.arms, self.base, self.baseline)
            faults += _design_faults(self)
        else:
            faults += axes_faults(self.axes, _EXAMPLE)
        if isinstance(self.axes, Mapping) and not self.arms:
            faults += _values_faults(self.axes)
            faults += _seed_key_faults(self)
            faults += _baseline_faults(self.baseline, self.axes)
        if faults := faults or list(_size_faults(self)):
            raise join_errors(faults)

    def seed_list(self) -> list[int]:
        """The seeds, one by one."""
        if isinstance(self.seeds, int):
            return list(range(self.seeds))
        return list(self.seeds)


def _seeds_faults(seeds: object) -> Iterator[SpaceError]:
    if not isinstance(seeds, list | tuple | range):
        yield from number_faults("seeds", seeds, 1, MAX_TRIALS)
        return
    for rule, found in options_faults(seeds):
        yield SpaceError("seeds", rule, found, "Write seeds=3, or seeds=[0, 1, 2].")
    for seed in seeds:
        yield from number_faults("seeds", seed, 0)


def _values_faults(axes: Mapping[str, Sequence[Value]]) -> Iterator[SpaceError]:
    for axis, values in axes.items():
        where = f'axes["{axis}"]'
        if isinstance(values, When):
            fix = "Write a list of values, or a Search."
            rule, found = "must be a list of values in an Ablation", "when(…)"
            yield SpaceError(where, rule, found, fix)
            continue
        for rule, found in options_faults(values):
            yield SpaceError(where, rule, found, f"Write {{{_EXAMPLE}}}.")


def _seed_key_faults(ablation: Ablation) -> Iterator[SpaceError]:
    for part in ("axes", "base", "baseline"):
        keys = getattr(ablation, part)
        if isinstance(keys, Mapping) and "seed" in keys:
            where, found = f'{part}["seed"]', quote_value(keys["seed"])
            fix = "Write seeds=3, or seeds=[0, 1, 2]."
            yield SpaceError(where, "must be left to seeds", found, fix)


def _baseline_faults(
    baseline: object, axes: Mapping[str, object]
) -> Iterator[SpaceError]:
    if baseline is None:
        return
    if not isinstance(baseline, Mapping):
        found = type(baseline).__name__
        fix = f"Write baseline={{{_EXAMPLE.replace('[22, 40]', '40')}}}."
        yield SpaceError("baseline", "must be a dict or None", found, fix)
        return
    for key, value in baseline.items():
        if key not in axes:
            fix = suggest_name(str(key), axes) + " The rest belongs in base."
            where, rule = f'baseline["{key}"]', "must be an axis"
            yield SpaceError(where, rule, quote_value(value), fix)


def _design_faults(ablation: Ablation) -> Iterator[SpaceError]:
    """What belongs to axes, and stands beside named arms."""
    defaults = {"axes": {}, "design": "full", "resolution": _RESOLUTION}
    for part, default in defaults.items():
        found = getattr(ablation, part)
        if found != default:
            rule, fix = "must be left out beside named arms", "Keep one of the two."
            told = ", ".join(map(str, found)) if part == "axes" else found
            yield SpaceError(part, rule, quote_value(told), fix)
    if isinstance(ablation.base, Mapping) and "seed" in ablation.base:
        found, fix = quote_value(ablation.base["seed"]), "Write seeds=3."
        yield SpaceError('base["seed"]', "must be left to seeds", found, fix)


def _fraction_faults(ablation: Ablation) -> Iterator[SpaceError]:
    if ablation.design != "fractional":
        if ablation.resolution != _RESOLUTION:
            rule, fix = 'must stand beside design="fractional"', "Leave it out."
            yield SpaceError("resolution", rule, quote_value(ablation.resolution), fix)
        return
    if ablation.resolution not in RESOLUTIONS:
        found = quote_value(ablation.resolution)
        yield SpaceError("resolution", "must be 3, 4 or 5", found, "Change it.")
    if len(ablation.axes) > MOST_FACTORS:
        rule = f"must have at most {MOST_FACTORS} axes under fractional"
        yield SpaceError("axes", rule, f"{len(ablation.axes)}", "Leave some out.")
    for axis, values in ablation.axes.items():
        if len(values) != 2:
            rule = "must have two values under fractional"
            fix = "Choose two, or another design."
            yield SpaceError(f'axes["{axis}"]', rule, f"{len(values)}", fix)


def _num_arms(ablation: Ablation, lengths: Sequence[int]) -> int:
    """How many arms a design has at most."""
    match ablation.design:
        case "full":
            return math.prod(lengths)
        case "fractional":
            return len(build_fraction(len(lengths), ablation.resolution))
        case "pairs":
            return sum(lengths) + sum(a * b for a, b in combinations(lengths, 2))
    return sum(lengths)


def _size_faults(ablation: Ablation) -> Iterator[SpaceError]:
    if faults := list(_fraction_faults(ablation)):
        yield from faults
        return
    lengths = {axis: len(values) for axis, values in ablation.axes.items()}
    if ablation.arms:
        lengths = {"arms": len(ablation.arms)}
    if ablation.design == "zip" and len(set(lengths.values())) > 1:
        found = ", ".join(f"{axis} {length}" for axis, length in lengths.items())
        rule, fix = "must be of one length under zip", "Complete the shorter ones."
        yield SpaceError("axes", rule, found, fix)
    num_arms = _num_arms(ablation, list(lengths.values()))
    num_trials = num_arms * len(ablation.seed_list())
    if num_trials > MAX_TRIALS:
        rule = f"must make at most {MAX_TRIALS:,} trials"
        fix = 'Fewer values, or design="one_at_a_time".'
        yield SpaceError("axes", rule, f"{num_trials:,}", fix)
