"""What an axis of a search is drawn from: ranges, choices, and these under a condition.

A distribution is made unchecked; `Search` checks it, since only there its axis is known
and all faults of a space can be reported at once.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from raypg.faults import quote_value

Value: TypeAlias = bool | int | float | str | Sequence[float]
"""What a leaf of the config holds."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number in [low, high]; its logarithm is uniform where `log` is set."""

    low: float
    high: float
    log: bool = False

    def faults(self) -> Iterator[tuple[str, str]]:
        """Each broken rule, with what was found."""
        yield from _range_faults(self.low, self.high, (int, float), self.log)

    def ends(self) -> list[Value]:
        """The two ends."""
        return [float(self.low), float(self.high)]

    def contains(self, value: object) -> bool:
        """Whether it could have been drawn."""
        return _is_number(value, (int, float)) and self.low <= value <= self.high  # type: ignore[operator]

    def probes(self) -> list[Value]:
        """The values that stand for all when legality is checked: the two ends."""
        return self.ends()


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in [low, high], every `step` from `low` on."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def faults(self) -> Iterator[tuple[str, str]]:
        """Each broken rule, with what was found."""
        yield from _range_faults(self.low, self.high, (int,), self.log)
        if not _is_number(self.step, (int,)) or self.step < 1:
            yield "step must be a whole number of at least 1", quote_value(self.step)
        elif self.log and self.step != 1:
            yield "step must be 1 in a logarithmic range", quote_value(self.step)

    def ends(self) -> list[Value]:
        """The lowest and the highest that can be drawn."""
        every = range(self.low, self.high + 1, self.step)
        return [every[0], every[-1]]

    def contains(self, value: object) -> bool:
        """Whether it could have been drawn."""
        return value in range(self.low, self.high + 1, self.step)

    def probes(self) -> list[Value]:
        """The values that stand for all: every one where they are few, else the ends.

        Between the ends there may be illegal ones: not every depth can be built.
        """
        every = range(self.low, self.high + 1, self.step)
        return list(every) if len(every) <= 256 else self.ends()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the options, all equally likely; their order says nothing."""

    options: tuple[Value, ...]

    def faults(self) -> Iterator[tuple[str, str]]:
        """Each broken rule, with what was found."""
        yield from options_faults(self.options)

    def ends(self) -> list[Value]:
        """All options, as they have no order."""
        return list(self.options)

    def contains(self, value: object) -> bool:
        """Whether it is an option."""
        return any(is_same(value, option) for option in self.options)

    def probes(self) -> list[Value]:
        """All options."""
        return self.ends()


Distribution: TypeAlias = Uniform | Integer | Choice


@dataclass(frozen=True, slots=True)
class When:
    """A distribution that counts only where another axis has one of some values."""

    axis: str
    values: tuple[Value, ...]
    distribution: Distribution


def uniform(low: float, high: float) -> Uniform:
    """A real number in [low, high]."""
    return Uniform(low, high)


def log_uniform(low: float, high: float) -> Uniform:
    """A real number in [low, high], every order of magnitude equally likely."""
    return Uniform(low, high, log=True)


def integer(low: int, high: int, *, log: bool = False, step: int = 1) -> Integer:
    """A whole number in [low, high]; with `step`, only every so many from `low` on."""
    return Integer(low, high, log, step)


def choice(*options: Value) -> Choice:
    """One of the options."""
    return Choice(options)


def when(
    axis: str, values: Value | Sequence[Value], distribution: Distribution
) -> When:
    """A distribution that is drawn only where `axis` has the value (or one of them).

    Elsewhere the base, or the default, stands: `{"optimizer.name": choice("sgd",
    "adamw"), "optimizer.momentum": when("optimizer.name", "sgd", uniform(0.8, 0.99))}`.
    """
    many = isinstance(values, list | tuple)
    return When(axis, tuple(values) if many else (values,), distribution)  # type: ignore[arg-type]


def options_faults(options: object) -> Iterator[tuple[str, str]]:
    """What is wrong with a list of values: no list, empty, or one of them twice."""
    if not isinstance(options, list | tuple | range):
        yield "must be a list of values", f"{type(options).__name__} {options!r:.60}"
        return
    if not options:
        yield "must have at least one value", "none"
    seen: list[object] = []
    for option in options:
        if any(is_same(option, other) for other in seen):
            yield "must have every value once", f"{quote_value(option)} twice"
        seen.append(option)


def is_same(value: object, other: object) -> bool:
    """Whether two values are one to the config: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return list(value) == list(other)
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _range_faults(
    low: float, high: float, kinds: tuple[type, ...], log: bool
) -> Iterator[tuple[str, str]]:
    found = f"{quote_value(low)} and {quote_value(high)}"
    if not (_is_number(low, kinds) and _is_number(high, kinds)):
        whole = "whole" if float not in kinds else "finite"
        yield f"low and high must be {whole} numbers", found
    elif low >= high:
        yield "low must be below high", found
    elif log and low <= 0:
        yield "low must be above 0 in a logarithmic range", found


def _is_number(value: object, kinds: tuple[type, ...]) -> bool:
    return (
        isinstance(value, kinds)
        and not isinstance(value, bool)
        and math.isfinite(value)  # type: ignore[arg-type]
    )
