"""A plan as it is printed: one line a fact, ranges where a number is not known."""

import math
from collections.abc import Iterator, Sequence

from raypg.config import Config
from raypg.plan.counts import Count, Network, steps_per_epoch
from raypg.plan.estimate import Estimate, Setting
from raypg.plan.expect import Expected
from raypg.plan.report import Report
from raypg.plan.shapes import Costs, shape_of
from raypg.plan.spans import Span
from raypg.space import ASHA, PBT, Hyperband, MedianStopping, Scheduler

WIDTH = 11
"""Of the first word of a line."""


def span_text(span: Span, unit: str = "") -> str:
    """`360`, or `224 to 864`; two digits of what is no whole number."""
    low, high = (f"{round(one):,}" for one in span)
    text = low if low == high else f"{low} to {high}"
    return f"{text} {unit}".rstrip()


def time_text(seconds: float) -> str:
    """A duration, rounded as an estimate should be: `40 s`, `6 min`, `3.5 h`."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{two_digits(seconds / size)} {unit}"
    return f"{two_digits(seconds)} s"


def bytes_text(size_bytes: float) -> str:
    """A size: `680 KB`, `1.2 GB`."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if size_bytes >= size:
            return f"{two_digits(size_bytes / size)} {unit}"
    return f"{two_digits(size_bytes / 1e3)} KB"


def two_digits(value: float) -> str:
    """The two digits of an estimate that mean something; more of them above 100."""
    if value <= 0:
        return "0"
    places = max(0, 1 - math.floor(math.log10(value)))
    rounded = round(value, places)
    return f"{rounded:,.{places}f}" if places else f"{round(value):,}"


def range_text(low: str, high: str) -> str:
    """`5 min to 8 min`, with the unit once where it is one."""
    if low == high:
        return f"about {low}"
    amount, _, unit = low.partition(" ")
    return f"{amount} to {high}" if high.endswith(unit) else f"{low} to {high}"


def many(number: int, thing: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def line(word: str, text: str) -> str:
    """One fact."""
    return f"{word:{WIDTH}}{text}"


def trial_lines(
    expected: Expected, arms: Sequence[str], store: str, stale: Sequence[str]
) -> Iterator[str]:
    """Which trials would run.

    Args:
        expected: all of them.
        arms: of an ablation; none of a search.
        store: where results are looked up.
        stale: why some of those do not count.
    """
    num_trials, todo = expected.num_trials, expected.todo
    text = f"at most {num_trials:,}, drawn one by one"
    if arms:
        text = _arms_text(expected, len(arms))
    yield line("trials", text)
    least = "" if expected.is_exact else "at least "
    number = span_text(Span(len(todo), len(expected.most)))
    text = f"{least}{expected.num_cached:,} are in {store}; {number} to train"
    if not todo:
        text = f"all {num_trials:,} are in {store}: there is nothing to train"
    yield line("cached", text)
    for one in stale:
        yield line("stale", one)


def _arms_text(expected: Expected, num_arms: int) -> str:
    """The trials of an ablation, or between which numbers those of a race lie."""
    most = expected.num_trials
    least = most - expected.num_perhaps
    number = f"{span_text(Span(least, most))}: {many(num_arms, 'arm')}"
    if not expected.is_even:
        return f"{number}, each with as many seeds as it needs"
    seeds = span_text(Span(least // num_arms, most // num_arms))
    return f"{number} × {seeds} seed" + ("" if most == num_arms else "s")


def work_lines(expected: Expected, count: Count, setting: Setting) -> Iterator[str]:
    """How much those trials are to learn."""
    todo = expected.todo
    most = sorted({config.train.epochs for config in todo})
    text = span_text(count.epochs) + f"; {_ends(most)} a trial"
    text += _early_text(setting.scheduler)
    yield line("epochs", text)
    steps = sorted({steps_per_epoch(one, setting.num_workers) for one in todo})
    yield line("steps", f"{span_text(count.steps)}; {_ends(steps)} an epoch")
    shown = len(count.networks)
    of = "" if shown == count.num_networks else f", {shown} of them below"
    yield line("networks", f"{count.num_networks:,}{of}")


def _early_text(rule: Scheduler | None) -> str:
    """How the number of epochs follows from a scheduler."""
    if isinstance(rule, ASHA | MedianStopping):
        name = "ASHA aims at" if isinstance(rule, ASHA) else "the median rule may stop"
        return f" at most: as many stop as {name}, or none"
    if isinstance(rule, Hyperband):
        num = len(rule.brackets())
        return f" at most: {many(num, 'bracket')} of Hyperband, in turn"
    if isinstance(rule, PBT):
        num = len(rule.rounds())
        return f": members of one population, compared {many(num, 'time')}"
    return ""


def network_rows(count: Count, costs: Costs | None) -> list[dict[str, object]]:
    """The table of networks; a step that was not measured is marked with "≈"."""

    def row(network: Network) -> dict[str, object]:
        found: dict[str, object] = {
            "network": network.label,
            "parameters": f"{network.num_parameters:,}",
            "multiply-adds": f"{network.num_flops:,}",
        }
        if costs is not None:
            cost = costs.of(network.example)
            low, high = (two_digits(1e3 * one) for one in cost.step_s)
            mark = "" if cost.num_steps else "≈ "
            found["ms a step"] = mark + (low if low == high else f"{low} to {high}")
        return found

    return [row(network) for network in count.networks]


def cost_lines(
    cost: Estimate, setting: Setting, reports: Sequence[Report], *, is_search: bool
) -> Iterator[str]:
    """What it would take, and how that was measured."""
    first = reports[0]
    steps = sum(timing.num_steps for one in reports for timing in one.timings)
    shapes = len(first.timings)
    beside = f"{len(reports)} processes side by side" if len(reports) > 1 else "alone"
    text = f"{many(steps, 'step')} of {many(shapes, 'shape')} of trial, {beside}"
    if setting.num_workers > 1:
        text += "; without the exchange between workers"
    yield line("measured", text)
    text = range_text(*map(time_text, cost.wall_s))
    if is_search:
        text += f" ({time_text(cost.worst_s)} if every draw were the costliest)"
    yield line("time", f"{text}, {many(setting.num_slots, 'trial')} at a time")
    text = f"{_bytes_range([one.peak_bytes for one in reports])} a worker at its peak"
    if first.idle_bytes:
        grown = _bytes_range([one.peak_bytes - one.idle_bytes for one in reports])
        text += f" (resident), {grown} of it to train"
    else:
        text += " (of the GPU, as torch reserves it)"
    yield line("memory", text)
    kept = range_text(*map(bytes_text, cost.checkpoint_bytes))
    text = range_text(*map(bytes_text, cost.disk_bytes))
    yield line("disk", f"{text}; of it checkpoints {kept}")


def _bytes_range(sizes: Sequence[float]) -> str:
    return range_text(bytes_text(min(sizes)), bytes_text(max(sizes)))


def error_lines(
    count: Count, shapes: Sequence[Config], reports: Sequence[Report]
) -> Iterator[str]:
    """Shapes whose steps failed, as their trials would."""
    labels = {shape_of(one.example): one.label for one in count.networks}
    for index, shape in enumerate(shapes):
        errors = [one.timings[index].error for one in reports]
        if any(errors):
            label = labels.get(shape, shape.model.name)
            yield line("fails", f"{label}: {next(filter(None, errors))[:200]}")


def _ends(ordered: Sequence[int]) -> str:
    return span_text(Span(ordered[0], ordered[-1]))
