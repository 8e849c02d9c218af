"""The steps of a way as bars: where each begins and ends, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raypg.results.numerals import format_p, format_reach, with_reach
from raypg.results.statistics import Mean
from raypg.results.way import ALL, Step


@dataclass(frozen=True)
class StepBar:
    """A step with a number.

    Attributes:
        place: its row, from 0.
        step: of the way.
        begin: where it begins; where it ends, too, of what has no gain.
        end: the mean at its place.
        interval: of the gain, or of the mean where there is none.
    """

    place: int
    step: Step
    begin: float
    end: float
    interval: Mean

    @property
    def ends(self) -> tuple[float, float] | None:
        """Of the interval, around the end of the bar; None where there is none."""
        if self.interval.low is None:
            return None
        reach = self.interval.mean - self.interval.low
        return self.end - reach, self.end + reach

    @property
    def span(self) -> tuple[float, float]:
        """All that is drawn of it."""
        numbers = (self.begin, self.end, *(self.ends or ()))
        return min(numbers), max(numbers)

    def amount(self, metric: str) -> str:
        """What it gains, or its mean where there is no gain, without the unit."""
        is_gain = self.step.gain is not None
        mean, low = self.interval.mean, self.interval.low
        return with_reach(mean, low, metric, signed=is_gain)

    def told(self, metric: str) -> str:
        """The same with its name, its unit and its p-value."""
        mean, gain = self.interval, self.step.gain
        said = format_reach(mean.mean, mean.low, metric, is_amount=gain is not None)
        p = f", {format_p(gain.p_t)}" if gain and gain.p_t is not None else ""
        return f"{self.step.change}: {said}{p}"


def step_bars(steps: Sequence[Step]) -> Iterator[StepBar]:
    """Those of the steps with a number; a place without one moves nothing."""
    first = before = 0.0
    for place, step in enumerate(steps):
        if step.mean is None:
            continue
        end = step.mean.mean
        if step.gain is None:
            first = end if place == 0 else first
            yield StepBar(place, step, end, end, step.mean)
        else:
            begin = first if step.change == ALL else before
            yield StepBar(place, step, begin, end, step.gain.difference)
        before = end
