"""The space of a path: from one config to another, one change after the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from raypg.faults import format_value
from raypg.space.distributions import Value

Values: TypeAlias = Mapping[str, Value]
START = "start"
"""The label of the arm in which nothing is changed yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """Two configs, and what has to change between them.

    `python -m raypg.results explain` writes it. A change is made whole: with another
    model its own keys come, and those of the old one go.
    """

    base: Values
    """What both configs share, by dotted name."""
    changes: Sequence[tuple[Values, Values]]
    """Each before and after."""
    seeds: int | Sequence[int] = 3
    metric: str = "val.accuracy"
    mode: Literal["max", "min"] = "max"

    @property
    def axes(self) -> dict[str, list[Value]]:
        """Every name that changes, with the values that it has on the way."""
        found: dict[str, list[Value]] = {}
        for ends in self.changes:
            for values in ends:
                for name, value in values.items():
                    found.setdefault(name, []).append(value)
        return found

    def seed_list(self) -> list[int]:
        """The seeds, one by one."""
        return list(range(self.seeds) if isinstance(self.seeds, int) else self.seeds)

    def values(self, made: Sequence[int]) -> dict[str, Value]:
        """The values of all that may change, once these changes are made."""
        return {
            name: value
            for index, (before, after) in enumerate(self.changes)
            for name, value in (after if index in made else before).items()
        }

    def label(self, made: Sequence[int]) -> str:
        """The changes that are made, as one would type them."""
        return " ".join(self.name(index) for index in made) or START

    def name(self, index: int) -> str:
        """What a change is called: its choice, or the one value that it sets."""
        before, after = self.changes[index]
        named = [name for name in after if name.endswith(".name")] or list(after)
        told = [f"{name}={format_value(after[name])}" for name in named[:1]]
        return told[0] if told else f"without {', '.join(before)}"

    def source(self) -> str:
        """The text of a space file that holds it."""
        parts = {
            "base": dict(self.base),
            "changes": [(dict(before), dict(after)) for before, after in self.changes],
            "seeds": self.seeds,
            "metric": self.metric,
            "mode": self.mode,
        }
        arguments = "".join(f"    {name}={part!r},\n" for name, part in parts.items())
        return f"from raypg.space import Path\n\nSPACE = Path(\n{arguments})\n"
