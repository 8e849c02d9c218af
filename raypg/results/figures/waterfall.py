"""What each change on the way from one config to another gains, as a waterfall."""

from collections.abc import Iterator, Sequence

from raypg.results.figures.figure import (
    WHOLE,
    Axis,
    Bars,
    Figure,
    Labels,
    Line,
    Mark,
    Points,
)
from raypg.results.figures.source import Source, check_metric
from raypg.results.figures.step_bars import StepBar, step_bars
from raypg.results.figures.words import (
    describe_cut,
    describe_left_out,
    describe_rule,
    describe_seeds,
    plural,
    shorten,
)
from raypg.results.numerals import is_ratio
from raypg.results.show_way import FLATTERS
from raypg.results.statistics import CONFIDENCE
from raypg.results.way import ALL, Step, changes_of, find_proven, read_steps

_TITLE = "What carries the gain"
_PAD = 0.06
"""Of the span of all numbers, on either side of them."""
_ROOM = 0.24
"""Of the same, for an amount beside a bar."""

_NAMES = {"green": "gain", "vermillion": "loss", "blue": "all of the way"}
"""What a colour stands for; its pale one for the same, not told from noise."""


def build_waterfall(source: Source) -> Figure:
    """The steps of a path sweep, each from the mean before it to its own.

    Raises:
        ResultsError: there is no such metric.
    """
    if source.about.get("kind") != "path":
        reason = "The sweep is no way between two configs: `explain` trains one."
        return Figure("waterfall", _TITLE, reason)
    check_metric(source)
    steps = read_steps(source.rows, source.metric)
    bars = [*step_bars(steps)]
    if not bars:
        reason = f"No trial on the way has given a {source.metric} (yet)."
        return Figure("waterfall", _TITLE, reason)
    low, high = min(bar.span[0] for bar in bars), max(bar.span[1] for bar in bars)
    amounts = [*_draw_amounts(bars, source.metric, low, high)]
    return Figure(
        kind="waterfall",
        title=_TITLE,
        caption=_caption(source, steps, bars),
        x=Axis(
            source.metric,
            is_ratio=is_ratio(source.metric),
            span=_span(amounts, low, high),
        ),
        y=Axis("", places=tuple(shorten(step.change) for step in steps)),
        marks=(
            _draw_links(bars),
            *_draw_bars(bars, steps, source.mode),
            *_draw_intervals(bars, source.metric),
            *_draw_levels(bars, source.metric),
            *amounts,
        ),
    )


def _draw_links(bars: Sequence[StepBar]) -> Line:
    """From where each bar ends to the next one, as one line with gaps."""
    pairs = [*zip(bars, bars[1:], strict=False)]
    x = tuple(one for bar, _ in pairs for one in (bar.end, bar.end, None))
    y = tuple(one for a, b in pairs for one in (a.place, b.place, None))
    return Line(x, y, "grey", weight="thin", dash="dot")


def _draw_bars(
    bars: Sequence[StepBar], steps: Sequence[Step], mode: str
) -> Iterator[Mark]:
    proven = find_proven(steps)
    groups: dict[str, list[StepBar]] = {}
    for bar in bars:
        if bar.step.gain is not None:
            groups.setdefault(_color(bar, mode, {*proven}), []).append(bar)
    for color, own in groups.items():
        name = _NAMES[color.removesuffix("~")]
        yield Bars(
            start=tuple(bar.begin for bar in own),
            end=tuple(bar.end for bar in own),
            y=tuple(bar.place for bar in own),
            color=color,
            name=f"{name}, not told from noise" if color.endswith("~") else name,
            hover=tuple(bar.step.change for bar in own),
            height=0.6,
        )


def _color(bar: StepBar, mode: str, proven: set[str]) -> str:
    gain = bar.step.gain
    if bar.step.change == ALL:
        return "blue" if gain and gain.is_beyond_noise else "blue~"
    role = "green" if (bar.end >= bar.begin) == (mode == "max") else "vermillion"
    return role if bar.step.change in proven else f"{role}~"


def _draw_intervals(bars: Sequence[StepBar], metric: str) -> Iterator[Line]:
    """As one line with gaps, a tick at either end of each."""
    known = [(bar, bar.ends) for bar in bars if bar.ends is not None]
    if known:
        yield Line(
            x=tuple(one for _, ends in known for one in (*ends, None)),
            y=tuple(one for bar, _ in known for one in (bar.place, bar.place, None)),
            color="ink",
            hover=tuple(text for bar, _ in known for text in (bar.told(metric),) * 3),
            weight="thin",
            symbol="tick",
        )


def _draw_levels(bars: Sequence[StepBar], metric: str) -> Iterator[Points]:
    """The start, and what lies behind a place without a number."""
    own = [bar for bar in bars if bar.step.gain is None]
    if own:
        yield Points(
            x=tuple(bar.end for bar in own),
            y=tuple(bar.place for bar in own),
            color="ink",
            hover=tuple(bar.told(metric) for bar in own),
            symbol="diamond",
        )


def _draw_amounts(
    bars: Sequence[StepBar], metric: str, low: float, high: float
) -> Iterator[Labels]:
    """On that side of each bar on which there is more room, between these numbers."""
    room = _ROOM * _width(low, high)
    groups: dict[int, list[StepBar]] = {}
    for bar in bars:
        begin, end = bar.span
        is_left = begin - low > high - end or (is_ratio(metric) and end + room > WHOLE)
        groups.setdefault(0 if is_left else 1, []).append(bar)
    for end_of, own in groups.items():
        yield Labels(
            x=tuple(bar.span[end_of] for bar in own),
            y=tuple(bar.place for bar in own),
            text=tuple(bar.amount(metric) for bar in own),
            side="right" if end_of else "left",
        )


def _span(amounts: Sequence[Labels], low: float, high: float) -> tuple[float, float]:
    """Both ends of the axis, with room for what stands beside the bars."""
    width = _width(low, high)
    pad, room = _PAD * width, _ROOM * width
    lefts = [x - room for one in amounts if one.side == "left" for x in one.x]
    rights = [x + room for one in amounts if one.side == "right" for x in one.x]
    return min([low - pad, *lefts]), max([high + pad, *rights])


def _width(low: float, high: float) -> float:
    return (high - low) or abs(low) or 1.0


def _caption(source: Source, steps: Sequence[Step], bars: Sequence[StepBar]) -> str:
    num_tried = len({row["arm"] for row in source.rows})
    num_places = sum(step.change != ALL for step in steps)
    seeds = describe_seeds(s.mean.num_values for s in steps if s.mean)
    has_noise = any(bar.ends for bar in bars)
    interval = (
        "ticks: the 95 % t-interval of what a step gains, paired by seed (at the start "
        "that of the mean)"
        if has_noise
        else "no interval"
    )
    said = [
        f"Each bar is one change, from the mean {source.metric} before it to that "
        f"after it, over {seeds}; {interval}."
    ]
    if steps[-1].change == ALL:
        said.append("The last one is the whole way.")
    changes = changes_of(steps)
    if changes:
        several = f" after Holm's correction for {plural(len(changes), 'step')}"
        level = f"p < {1 - CONFIDENCE:.2g}{several if len(changes) > 1 else ''}"
        said.append(f"Pale: not told from seed noise ({level}).")
    if num_tried > num_places:
        said.append(f"The way went by {num_places} of {num_tried} places tried.")
    if len(changes) > 1:
        said.append(FLATTERS)
    cut = describe_cut((bar.span[1] for bar in bars), source.metric)
    return " ".join(said) + cut + describe_rule(source) + describe_left_out(source)
