"""Where the time of worker processes went, as far as the tables know.

A trial's row says when it was handed to a worker and when it was over, and in which
process; its epochs say when each ended and how long it took. What a process did before
its first trial and after its last one is written nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from raypg.results.figures.source import Source, Span
from raypg.results.memo import FlatRow

PARTS = ("training", "start", "between", "after", "idle")
"""What the time of a process is made of, in the order of `Process.parts`."""


@dataclass(frozen=True)
class Stay:
    """A trial in a process: its last attempt, where it was started again.

    Attributes:
        row: of `trials`.
        began: in seconds since 1970.
        ended: likewise.
        span: of its epochs; None where it has none.
    """

    row: FlatRow
    began: float
    ended: float
    span: Span | None

    def parts(self) -> tuple[float, float, float, float]:
        """Seconds of training, before it, between epochs, and after the last one."""
        if self.span is None:
            return 0.0, self.ended - self.began, 0.0, 0.0
        span = self.span
        return (
            span.train_s,
            max(0.0, span.began - self.began),
            max(0.0, span.ended - span.began - span.train_s),
            max(0.0, self.ended - span.ended),
        )


@dataclass(frozen=True)
class Process:
    """A worker process, by what ran in it.

    Attributes:
        node: its address.
        pid: its number there; empty where it is not known.
        stays: its trials, the earliest first; at least one.
    """

    node: str
    pid: str
    stays: Sequence[Stay]

    @property
    def began(self) -> float:
        """When its first trial did."""
        return self.stays[0].began

    @property
    def ended(self) -> float:
        """When the last of its trials was over."""
        return max(stay.ended for stay in self.stays)

    def parts(self) -> tuple[float, ...]:
        """Seconds, in the order of `PARTS`."""
        parts = (stay.parts() for stay in self.stays)
        return *map(sum, zip(*parts, strict=True)), self._idle_s()

    def _idle_s(self) -> float:
        """Between its trials."""
        idle, until = 0.0, self.began
        for stay in self.stays:
            idle += max(0.0, stay.began - until)
            until = max(until, stay.ended)
        return idle


@dataclass(frozen=True)
class Slots:
    """The processes of a sweep, and the trials of which no process is known.

    Attributes:
        processes: by node, the earliest first.
        homeless: trials whose row does not say where they run, as it does at their end.
        unseen: how many trials have no time to be drawn: not begun, or cached.
    """

    processes: Sequence[Process]
    homeless: Sequence[Stay]
    unseen: int

    def shares(self) -> dict[str, float]:
        """What part of the processes' time went where; nothing where there is none."""
        parts = [process.parts() for process in self.processes]
        sums = dict(zip(PARTS, map(sum, zip(*parts, strict=True)), strict=False))
        total = sum(sums.values())
        return {name: part / total for name, part in sums.items()} if total else {}

    def total_s(self) -> float:
        """Of all processes."""
        return sum(sum(process.parts()) for process in self.processes)


def read_slots(source: Source) -> Slots:
    """Which trial was where, when."""
    spans = source.spans()
    stays = [stay for row in source.rows if (stay := _find_stay(row, spans))]
    stays.sort(key=lambda stay: stay.began)
    homes: dict[tuple[str, str], list[Stay]] = {}
    homeless = []
    for stay in stays:
        node, pid = stay.row.get("node"), stay.row.get("pid")
        # A single trial has no number: it ran in the process of its command.
        if node is None or (pid is None and source.about.get("kind") != "trial"):
            homeless.append(stay)
        else:
            homes.setdefault((node, "" if pid is None else str(pid)), []).append(stay)
    processes = [Process(*home, found) for home, found in homes.items()]
    processes.sort(key=lambda process: (process.node, process.began))
    return Slots(processes, homeless, len(source.rows) - len(stays))


def pack(spans: Iterable[tuple[float, float]]) -> list[int]:
    """The lane of each span, so that no two in a lane overlap, in as few as it takes.

    Args:
        spans: where each begins and ends, sorted by the former.
    """
    ends: list[float] = []
    lanes = []
    for began, ended in spans:
        free = [lane for lane, end in enumerate(ends) if end <= began]
        lane = free[0] if free else len(ends)
        ends[lane:] = [ended] if not free else [ended, *ends[lane + 1 :]]
        lanes.append(lane)
    return lanes


def _find_stay(row: FlatRow, spans: Mapping[tuple[str, int], Span]) -> Stay | None:
    """None where it has no time of its own."""
    if row["status"] == "cached" or row.get("started") is None:
        return None
    attempt = row.get("attempt") or 0
    span = spans.get((row["trial"], attempt))
    if attempt and span is None:
        return None  # nobody knows when its last attempt began
    began = span.began if attempt and span else row["started"].timestamp()
    finished = row.get("finished")
    if finished is None and span is None:
        return None
    ended = finished.timestamp() if finished else span.ended  # type: ignore[union-attr]
    return Stay(row, began, max(began, ended), span)
