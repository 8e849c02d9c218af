"""What a figure shows, as a value: marks in the units of their data, and two axes.

The two back ends (`on_paper`, `on_screen`) draw any of these. Colours are roles of
`palette`; whoever builds a figure knows neither pixels nor themes.
"""

from dataclasses import dataclass, field
from typing import Literal

Numbers = tuple[float | None, ...]
"""None is a gap."""

Weight = Literal["thin", "medium", "bold"]
Dash = Literal["solid", "dash", "dot", "dashdot"]
Symbol = Literal["circle", "square", "diamond", "triangle", "hollow", "tick"]

WHOLE = 1.005
"""Where an axis of ratios ends: above 100 %, so that a point there is whole."""


@dataclass(frozen=True)
class Axis:
    """One of the two axes.

    Attributes:
        title: a dotted name, or words.
        is_log: whether equal ratios are equally far apart.
        is_ratio: whether values in [0, 1] are told in percent; it ends at 100 %, also
            where an interval does not.
        is_whole: whether values are whole numbers, as epochs are.
        is_count: whether they are large ones, told as 40k and 2M.
        ticks: where numbers stand; empty where the back end is to choose.
        places: the names of 0, 1, 2, …, where the axis is one of names.
        is_hidden: whether its values say nothing, so that no number stands at it.
        span: both ends; None where they follow from the marks.
    """

    title: str
    is_log: bool = False
    is_ratio: bool = False
    is_whole: bool = False
    is_count: bool = False
    ticks: tuple[float, ...] = ()
    places: tuple[str, ...] = ()
    is_hidden: bool = False
    span: tuple[float, float] | None = None


@dataclass(frozen=True)
class Line:
    """Points in a row, with a band where an interval is known.

    Attributes:
        x: one a point.
        y: one a point.
        color: a role.
        name: in the legend; empty for none.
        low: the lower end of the band, one a point; empty for no band.
        high: the upper end.
        hover: what is said of a point besides its place; empty for nothing at all.
        weight: how wide it is.
        dash: how it is broken; colours alone are lost in print.
        symbol: at each point; empty for none.
        is_step: whether it goes along x first and then up or down.
    """

    x: Numbers
    y: Numbers
    color: str
    name: str = ""
    low: Numbers = ()
    high: Numbers = ()
    hover: tuple[str, ...] = ()
    weight: Weight = "medium"
    dash: Dash = "solid"
    symbol: Symbol | Literal[""] = ""
    is_step: bool = False


@dataclass(frozen=True)
class Points:
    """Points on their own, with an upright interval where one is known.

    Attributes:
        x: one a point.
        y: one a point.
        color: a role.
        name: in the legend; empty for none.
        low: the lower end of the interval, one a point; empty for none at all.
        high: the upper end.
        hover: what is said of a point besides its place; empty for nothing at all.
        symbol: `hollow` and `tick` stand for what was cut short.
        size: of a small point 4, of a large one 9.
        tells_place: whether the label of a point says its x and y, too.
    """

    x: Numbers
    y: Numbers
    color: str
    name: str = ""
    low: Numbers = ()
    high: Numbers = ()
    hover: tuple[str, ...] = ()
    symbol: Symbol = "circle"
    size: int = 7
    tells_place: bool = True


@dataclass(frozen=True)
class Bars:
    """Bars that lie along x.

    Attributes:
        start: where each begins, in x.
        end: where it ends.
        y: its middle.
        color: a role.
        name: in the legend; empty for none.
        hover: what is said of each; empty for nothing at all.
        height: of each, in y.
    """

    start: tuple[float, ...]
    end: tuple[float, ...]
    y: tuple[float, ...]
    color: str
    name: str = ""
    hover: tuple[str, ...] = ()
    height: tuple[float, ...] | float = 0.7


@dataclass(frozen=True)
class Labels:
    """Words at points.

    Attributes:
        x: one a word.
        y: one a word.
        text: the words.
        side: of the point, on which they stand.
        color: a role.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    text: tuple[str, ...]
    side: Literal["right", "left", "above", "below"] = "right"
    color: str = "ink"


Mark = Line | Points | Bars | Labels


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        kind: a key of `FIGURES`.
        title: a few words.
        caption: what was counted and how: n, seeds, the interval, the metric's rule,
            what was left out; where there is nothing to draw, why.
        x: the axis along the bottom.
        y: the axis at the side.
        marks: what is drawn, the first one at the back; none where there is nothing.
    """

    kind: str
    title: str
    caption: str
    x: Axis = field(default_factory=lambda: Axis(""))
    y: Axis = field(default_factory=lambda: Axis(""))
    marks: tuple[Mark, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw; the caption says why."""
        return not self.marks
