"""What earlier sessions of a sweep left, and how it is gone on from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from raypg.causes import is_asked_for
from raypg.checkpoints import find_leftover
from raypg.cluster.prepare import Question
from raypg.config import Layer, fingerprint, load
from raypg.entries import Leftover
from raypg.errors import StoreError
from raypg.experiment import Past, SpaceFile
from raypg.memo import changed_parts
from raypg.results import open_results
from raypg.space import Ablation, Search, Value
from raypg.store import Store

Row = Mapping[str, Any]
Space = Ablation | Search
Curves = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class Before:
    """What earlier sessions of a sweep left; nothing, for a new one.

    Attributes:
        rows: of `trials`, in the order in which they were handed out.
        leftovers: the trials that go on, by fingerprint: those that did not end, and
            those that failed where they are to run again.
        curves: the sweep's metric by epoch, of every trial; none where neither a
            sampler nor a scheduler learns from them.
    """

    rows: Sequence[Row] = ()
    leftovers: Mapping[str, Leftover] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)

    @property
    def num_retried(self) -> int:
        """How many trials failed and go on all the same."""
        failed = (row for row in self.rows if row["status"] == "failed")
        return sum(row["trial"] in self.leftovers for row in failed)

    def ended_curves(self) -> Curves:
        """Of the trials that count in the scheduler's rungs, by their ends."""
        ended = [r for r in self.rows if r["status"] in ("completed", "stopped")]
        ended.sort(key=lambda row: row["finished"])
        return {row["trial"]: self.curves.get(row["trial"], []) for row in ended}

    def interrupted_curves(self) -> Curves:
        """Of the trials that go on."""
        return {trial: self.curves.get(trial, []) for trial in self.leftovers}


def read_before(
    store: Store,
    name: str,
    question: Question,
    retry_failed: str,
    tell: Callable[[str], None],
) -> Before:
    """The rows, checkpoints and curves that a sweep is resumed from.

    Args:
        store: where the sweep lives.
        name: of the sweep.
        question: what it asks.
        retry_failed: the cause of failure whose trials are to go on like those that
            did not end, `all` for every one; empty leaves all as they are.
        tell: told of each checkpoint that is damaged, as one line.

    Raises:
        StoreError: code, data or versions have changed since; names what.
    """
    results = open_results(store)
    rows = results.trials(name)
    _check_same(name, question, rows)
    left = {
        row["trial"]: row
        for row in rows
        if row["status"] in ("running", "interrupted")
        or is_asked_for(row, retry_failed)
    }
    known = results.known_epochs(name, left)
    leftovers = {
        trial: find_leftover(store, row, known.get(trial, ()), tell)
        for trial, row in left.items()
    }
    # A row of every epoch of every trial: read only where they count.
    space = question.space_file.space
    counts = question.asha is not None or isinstance(space, Search)
    curves = results.curves(name, space.metric) if counts else {}
    return Before(rows, leftovers, curves)


def check_extends(name: str, own: Space, grown: SpaceFile) -> None:
    """Refuse a space that is not the sweep's with more seeds, or with more trials.

    Args:
        name: the sweep's.
        own: its space.
        grown: the space file that it is to go on with.

    Raises:
        StoreError: something else differs, or a seed is gone; names what.
    """
    space = grown.space
    differs = ["kind"] if type(space) is not type(own) else _differences(own, space)
    if differs:
        rule = "must go on with its own space, with more seeds or more trials"
        found = f"{grown.path} with other {', '.join(differs)}"
        fix = "Start a new sweep: whatever still holds is taken from the store."
        raise StoreError(f"--resume {name}", rule, found, fix)


def _differences(own: Space, grown: Space) -> list[str]:
    """The fields in which one is not the other made larger."""
    names = [one.name for one in fields(own)]
    differs = [name for name in names if getattr(own, name) != getattr(grown, name)]
    if isinstance(own, Ablation) and isinstance(grown, Ablation):
        has_grown = set(own.seed_list()) <= set(grown.seed_list())
        return [name for name in differs if name != "seeds" or not has_grown]
    assert isinstance(own, Search)
    assert isinstance(grown, Search)
    has_grown = own.trials <= grown.trials
    return [name for name in differs if name != "trials" or not has_grown]


def replay(question: Question, before: Before) -> None:
    """Tell the proposals what earlier sessions drew, and what came of it."""
    metric = question.space_file.space.metric
    past = [
        Past(
            row["trial"],
            _drawn_values(question, row),
            "interrupted" if row["trial"] in before.leftovers else row["status"],
            row.get(metric),
            dict(before.curves.get(row["trial"], ())),
        )
        for row in before.rows
    ]
    if past:
        question.proposals.replay(past)


def _drawn_values(question: Question, row: Row) -> dict[str, Value]:
    """What the axes had in a trial, without those that did not count."""
    space = question.space_file.space
    leaves = {axis: row.get(f"config.{axis}") for axis in space.axes}
    values = {axis: leaf for axis, leaf in leaves.items() if leaf is not None}
    if isinstance(space, Search):
        return {a: v for a, v in values.items() if space.is_active(a, values)}
    return values


def _check_same(name: str, question: Question, rows: Sequence[Row]) -> None:
    """Refuse to mix rows of two versions of code, data or torch in one sweep."""
    need = question.need
    # An ablation has made its trials anew already: what is among them is the same.
    same = {trial.key for trial in getattr(question.proposals, "trials", ())}
    for row in rows:
        if row["trial"] in same:
            continue
        leaves = {
            column.removeprefix("config."): value
            for column, value in row.items()
            if column.startswith("config.") and value is not None
        }
        now = fingerprint(
            load([Layer(row["trial"], leaves)]),
            device=need.device,
            num_workers=need.workers_per_trial,
        )
        if now.key != row["trial"]:
            rule = "must go on with the code and versions that it started with"
            found = f"changes in {', '.join(changed_parts(row, now))}"
            fix = "Start a new sweep: whatever still holds is taken from the store."
            raise StoreError(f"--resume {name}", rule, found, fix)
