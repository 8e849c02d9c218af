"""Where a value of the config stands on an axis: by its number, or by its name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raypg.errors import ResultsError, suggest_name
from raypg.results.figures.figure import Axis
from raypg.results.figures.source import Source, is_number
from raypg.results.figures.words import shorten
from raypg.results.output import format_cell

DECADES = 100.0
"""The largest over the smallest value, beyond which an axis is logarithmic."""

_MOST_TICKS = 8
"""Values, beyond which a number does not stand at each."""


@dataclass(frozen=True)
class Scale:
    """How the values of one setting become places.

    Attributes:
        axis: as it is drawn.
        names: of the places, in order and whole; empty where values are numbers.
    """

    axis: Axis
    names: tuple[str, ...] = ()

    def name(self, place: float) -> str:
        """What stands at a place, where no number does; else nothing."""
        return f"{shorten(self.names[round(place)])}, " if self.names else ""

    def place(self, value: object) -> float:
        """Where a value stands."""
        if self.names:
            return float(self.names.index(format_cell(value)))
        return float(value)  # type: ignore[arg-type]


def build_scale(title: str, values: Sequence[object]) -> Scale:
    """The scale that holds all of these values.

    Args:
        title: of the axis.
        values: none of them None; in the order in which names are to stand.
    """
    if all(map(is_number, values)):
        numbers = [float(value) for value in values]  # type: ignore[arg-type]
        once = tuple(sorted({*numbers}))
        axis = Axis(
            title,
            is_log=spans_decades(numbers),
            is_whole=all(isinstance(value, int) for value in values),
            ticks=once if len(once) <= _MOST_TICKS else (),
        )
        return Scale(axis)
    names = tuple(dict.fromkeys(map(format_cell, values)))
    return Scale(Axis(title, places=tuple(map(shorten, names))), names)


def spans_decades(values: Iterable[float]) -> bool:
    """Whether positive values span more than two decades."""
    known = [*values]
    return bool(known) and min(known) > 0 and max(known) / min(known) > DECADES


def find_axis(source: Source, asked: str) -> str:
    """The setting that is asked for, without `config.`; else the first axis.

    Returns:
        Its dotted name; empty where none is asked for and the sweep has no axis.

    Raises:
        ResultsError: neither the space nor a trial has such a setting.
    """
    if not asked:
        return next(iter(source.axes), "")
    name = asked.removeprefix("config.")
    columns = {one for row in source.rows for one in row if one.startswith("config.")}
    # Before the first trial's row the space alone knows what varies.
    known = {one.removeprefix("config.") for one in columns}.union(source.axes)
    if name not in known:
        fix = suggest_name(name, source.axes)
        near = [one for one in known if one.endswith(f".{name.rpartition('.')[2]}")]
        fix = suggest_name(name, near) if near else fix
        raise ResultsError("--x", "must be a setting of the trials", asked, fix)
    return name
