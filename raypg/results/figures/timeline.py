"""Where the time went: a row a worker process, a bar a trial."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from raypg.results.figures.figure import Axis, Bars, Figure, Mark
from raypg.results.figures.palette import BY_STATUS
from raypg.results.figures.slots import Process, Slots, Stay, pack, read_slots
from raypg.results.figures.source import Source
from raypg.results.figures.words import (
    SAID,
    describe_statuses,
    duration,
    ending_of,
    percent,
    plural,
    trial_label,
)

_TITLE = "Where the time went"
_UNITS = (("hours", 3600.0, 18_000.0), ("minutes", 60.0, 300.0), ("seconds", 1.0, 0.0))
"""The name of a unit, its seconds, and from how many seconds on it is used."""

_MOST_BARS = 600
_HEIGHT = 0.8
_INNER = 0.36
_NOT_KNOWN = "process not known"


@dataclass(frozen=True)
class _Lane:
    """One row of the figure."""

    label: str
    stays: Sequence[Stay]


@dataclass(frozen=True)
class _Block:
    """A bar: one trial, or several that no eye could tell apart."""

    stays: Sequence[Stay]
    began: float
    ended: float

    @property
    def status(self) -> str:
        """That of most of its trials."""
        counts = Counter(stay.row["status"] for stay in self.stays)
        return str(counts.most_common(1)[0][0])

    @property
    def train_s(self) -> float:
        return sum(stay.parts()[0] for stay in self.stays)

    @property
    def training_began(self) -> float:
        spans = [stay.span.began for stay in self.stays if stay.span]
        return max(self.began, min(spans, default=self.began))


def build_timeline(source: Source) -> Figure:
    """The trials of a sweep in the processes that trained them."""
    slots = read_slots(source)
    lanes = [*_lanes(slots)]
    if not lanes:
        return Figure("timeline", _TITLE, "No trial has a time of its own yet.")
    stays = [stay for lane in lanes for stay in lane.stays]
    start = min(stay.began for stay in stays)
    total = max(stay.ended for stay in stays) - start
    unit, unit_s = next((n, s) for n, s, least in _UNITS if total >= least)
    least = total * len(lanes) / _MOST_BARS if len(stays) > _MOST_BARS else 0.0
    blocks = [
        (place, block)
        for place, lane in enumerate(lanes)
        for block in _merge(lane.stays, least)
    ]
    marks: list[Mark] = []
    for status, color in BY_STATUS.items():
        own = [(p, b) for p, b in blocks if b.status == status]
        if own:
            marks += _draw(own, color, SAID.get(status, status), start, unit_s)
    return Figure(
        kind="timeline",
        title=_TITLE,
        caption=_caption(slots, len(stays), has_merged=len(blocks) < len(stays)),
        x=Axis(
            f"{unit} since the first trial began",
            span=(0.0, 1.02 * total / unit_s or 1.0),
        ),
        y=Axis("", places=tuple(lane.label for lane in lanes)),
        marks=tuple(marks),
    )


def _lanes(slots: Slots) -> Iterator[_Lane]:
    """One a process, or one for processes that followed each other on a node."""
    nodes: dict[str, list[Process]] = {}
    for process in slots.processes:
        nodes.setdefault(process.node, []).append(process)
    for node, found in nodes.items():
        places = pack((process.began, process.ended) for process in found)
        for lane in range(max(places) + 1):
            own = [p for p, place in zip(found, places, strict=True) if place == lane]
            stays = [stay for process in own for stay in process.stays]
            number = own[0].pid if len(own) == 1 else f"{len(own)} processes in turn"
            yield _Lane(f"{node} {number}".strip(), stays)
    homeless = slots.homeless
    places = pack((stay.began, stay.ended) for stay in homeless)
    for lane in range(max(places, default=-1) + 1):
        own_stays = [
            s for s, place in zip(homeless, places, strict=True) if place == lane
        ]
        yield _Lane(_NOT_KNOWN, own_stays)


def _merge(stays: Sequence[Stay], least: float) -> Iterator[_Block]:
    """The bars of a lane: trials that began less than `least` apart are one."""
    own: list[Stay] = []
    for stay in stays:
        if own and stay.began - own[0].began >= least:
            yield _Block(own, own[0].began, max(one.ended for one in own))
            own = []
        own.append(stay)
    if own:
        yield _Block(own, own[0].began, max(one.ended for one in own))


def _draw(
    blocks: Sequence[tuple[int, _Block]],
    color: str,
    name: str,
    start: float,
    unit_s: float,
) -> list[Bars]:
    """A pale bar from beginning to end, and in it a solid one of the training."""
    y = tuple(float(place) for place, _ in blocks)

    def moved(moments: Iterator[float]) -> tuple[float, ...]:
        return tuple((moment - start) / unit_s for moment in moments)

    whole = Bars(
        start=moved(block.began for _, block in blocks),
        end=moved(block.ended for _, block in blocks),
        y=y,
        color=f"{color}~",
        hover=tuple(_told(block) for _, block in blocks),
        height=_HEIGHT,
    )
    trained = Bars(
        start=moved(block.training_began for _, block in blocks),
        end=moved(
            min(block.ended, block.training_began + block.train_s)
            for _, block in blocks
        ),
        y=y,
        color=color,
        name=name,
        height=_INNER,
    )
    return [whole, trained]


def _told(block: _Block) -> str:
    whole, train = duration(block.ended - block.began), duration(block.train_s)
    if len(block.stays) > 1:
        trials = describe_statuses(stay.row for stay in block.stays)
        return f"{trials} in {whole}, training {train}"
    row = block.stays[0].row
    return f"{trial_label(row)}: {ending_of(row)}, {whole}, training {train}"


def _caption(slots: Slots, num: int, *, has_merged: bool) -> str:
    nodes = {process.node for process in slots.processes}
    shares = {name: percent(share) for name, share in slots.shares().items()}
    said = [f"{plural(num, 'trial')}, each from its start on a worker to its end."]
    if shares:
        said.append(
            f"{plural(len(slots.processes), 'worker process')} on "
            f"{plural(len(nodes), 'node')}, together {duration(slots.total_s())}: "
            f"training {shares['training']} (solid), start of trials "
            f"{shares['start']}, between epochs (checkpoints, the scheduler's word) "
            f"{shares['between']}, after the last epoch (test, predictions, "
            f"checkpoint) {shares['after']}, idle between two trials {shares['idle']}."
        )
    if any(s.row.get("attempt") for p in slots.processes for s in p.stays):
        said.append("Of a trial that was started again the last attempt alone counts.")
    if has_merged:
        one = "are drawn as one, in the colour of most of them"
        said.append(f"Trials that began too close together to be told apart {one}.")
    if slots.homeless:
        count = plural(len(slots.homeless), "trial")
        said.append(f"{count} in no process yet: the tables learn it at a trial's end.")
    if slots.unseen:
        said.append(f"{plural(slots.unseen, 'trial')} not drawn: cached, or not begun.")
    said.append(
        "What a process did before its first trial and after its last one, the tables "
        "do not know."
    )
    return " ".join(said)
