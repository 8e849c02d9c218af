"""What earlier sessions of a sweep left, and how it is gone on from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from raypg.causes import is_asked_for
from raypg.cluster.agreed import Change, check_allowed, find_change
from raypg.cluster.changes import EPOCHS, Present, present
from raypg.cluster.extend import check_rate
from raypg.cluster.prepare import Question
from raypg.entries import Leftover, Row
from raypg.experiment import Past
from raypg.leftovers import Shelf, find_leftover
from raypg.results import open_results
from raypg.results.arms import ENDED_WELL
from raypg.results.columns import LEFT
from raypg.results.wording import describe_changes
from raypg.space import Search, Value, varies_by_trial
from raypg.store import Store

NUM_READERS = 16
"""Threads that look for checkpoints."""

Curves = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class Before:
    """What earlier sessions of a sweep left; nothing, for a new one.

    Attributes:
        rows: of `trials`, in the order in which they were handed out.
        presents: those that count, with what they would be here and now.
        leftovers: the trials that go on, by the fingerprint under which they do: those
            that did not end, those that failed where they are to run again, and those
            that completed with fewer epochs than the sweep has now.
        curves: the sweep's metric by epoch, of every trial; none where neither a
            sampler nor a scheduler learns from them.
        change: what differs from how the sweep was, and is to be recorded.
    """

    rows: Sequence[Row] = ()
    presents: Sequence[Present] = ()
    leftovers: Mapping[str, Leftover] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    change: Change | None = None

    def notes(self, *, asks_retry: bool) -> Iterator[str]:
        """What goes on otherwise than a person may expect, a line each.

        Args:
            asks_retry: whether failed trials were asked for.
        """
        going_on = [
            (one.row["status"], self.leftovers[one.key])
            for one in self.presents
            if one.key in self.leftovers
        ]
        if asks_retry:
            num_failed = sum(status == "failed" for status, _ in going_on)
            yield f"failed trials that run again: {num_failed}"
        if self.change and self.change.of_code:
            num_mixed = sum(bool(left.mixed) for _, left in going_on)
            what = describe_changes(self.change.of_code)
            yield (
                f"changed: {what}; what has ended stays, and trials that go on from a "
                f"checkpoint all the same: {num_mixed}"
            )
        num_lost = sum(s in ENDED_WELL and not left.resume_from for s, left in going_on)
        if num_lost:
            yield f"trials without a checkpoint, trained from epoch 1: {num_lost}"

    def ended_curves(self) -> Curves:
        """Of the trials that count in the scheduler's rungs, by their ends."""
        rows = [one.row for one in self.presents if one.key not in self.leftovers]
        ended = [row for row in rows if row["status"] in ("completed", "stopped")]
        ended.sort(key=lambda row: row["finished"])
        return {row["trial"]: self.curves.get(row["trial"], []) for row in ended}

    def interrupted_curves(self) -> Curves:
        """Of the trials that go on."""
        return {
            trial: self.curves.get(trial) or self.curves.get(left.began_as, [])
            for trial, left in self.leftovers.items()
        }


def read_before(
    store: Store,
    name: str,
    question: Question,
    *,
    retry_failed: str,
    allow_changed: bool,
    tell: Callable[[str], None],
) -> Before:
    """The rows, checkpoints and curves that a sweep is resumed from.

    Args:
        store: where the sweep lives.
        name: of the sweep.
        question: what it asks.
        retry_failed: the cause of failure whose trials are to go on like those that
            did not end, `all` for every one; empty leaves all as they are.
        allow_changed: whether to go on although code, data or versions have changed.
        tell: told of each checkpoint that is damaged, as one line.

    Raises:
        StoreError: code, data or versions have changed since, or a learning rate does
            not allow more epochs; names what.
    """
    results = open_results(store)
    rows = {row["trial"]: row for row in results.trials(name)}
    presents = _presents(rows, question)
    change = find_change(presents, store.read_description(name))
    if change and not allow_changed:
        check_allowed(name, change, len(presents))
    going_on = [one for one in presents if _goes_on(one, retry_failed)]
    check_rate(name, going_on)
    known = results.known_epochs(name, [one.row["trial"] for one in going_on])
    leftovers = _leftovers(store, going_on, rows, known, tell)
    # A row of every epoch of every trial: read only where they count.
    space = question.space_file.space
    counts = question.scheduler is not None or isinstance(space, Search)
    curves = results.curves(name, space.metric) if counts else {}
    return Before(list(rows.values()), presents, leftovers, curves, change)


def _presents(rows: Mapping[str, Row], question: Question) -> list[Present]:
    """The trials that count, each once, as they would be here and now."""
    varies = varies_by_trial(question.space_file.space, EPOCHS)
    epochs = None if varies else question.example.config.train.epochs
    counted = [row for row in rows.values() if row["status"] not in LEFT]
    # An ablation has made its trials anew already: what is among them is the same.
    same = {one.key: one.config for one in getattr(question.proposals, "trials", ())}
    presents = [
        Present(row, same[row["trial"]], row["trial"], {})
        if row["trial"] in same
        else present(row, question.need, epochs)
        for row in counted
    ]
    # The other row is there, and the driver died before it marked this one.
    went_on = {row["began_as"] for row in counted if row["began_as"]}
    return [one for one in presents if one.row["trial"] not in went_on]


def _goes_on(one: Present, retry_failed: str) -> bool:
    if one.row["status"] in ENDED_WELL:
        return EPOCHS in one.changed
    is_open = one.row["status"] in ("running", "interrupted")
    return is_open or is_asked_for(one.row, retry_failed)


def _leftovers(
    store: Store,
    going_on: Sequence[Present],
    rows: Mapping[str, Row],
    known: Mapping[str, set[int]],
    tell: Callable[[str], None],
) -> dict[str, Leftover]:
    """What all trials go on from, by the fingerprint under which they do."""
    shelf, damaged = Shelf(store), dict[str, list[str]]()

    def find(one: Present) -> Leftover:
        lines = damaged.setdefault(one.key, [])
        return _leftover(shelf, one, rows, known, lines.append)

    # A small file of each is read, and a bucket answers many at a time.
    with ThreadPoolExecutor(NUM_READERS) as pool:
        found = list(pool.map(find, going_on))
    for one in going_on:
        for line in damaged[one.key]:
            tell(line)
    return {one.key: left for one, left in zip(going_on, found, strict=True)}


def _leftover(
    shelf: Shelf,
    one: Present,
    rows: Mapping[str, Row],
    known: Mapping[str, set[int]],
    tell: Callable[[str], None],
) -> Leftover:
    """What a trial goes on from, where it does so as another one, too.

    Its checkpoint remembers its epochs, which then are written under the other's name.
    """
    row, trial = one.row, one.row["trial"]
    began_as = trial if one.has_moved else row["began_as"] or ""
    known_epochs = () if one.has_moved else known.get(trial, ())
    left = find_leftover(shelf, row, known_epochs, tell)
    before = rows.get(row["began_as"] or "")
    if not left.resume_from and before:
        resume_from = find_leftover(shelf, before, (), tell).resume_from
        left = replace(left, resume_from=resume_from)
    mixed = one.mixes if left.resume_from else ""
    return replace(left, began_as=began_as, mixed=mixed)


def replay(question: Question, before: Before) -> None:
    """Tell the proposals what earlier sessions drew, and what came of it."""
    metric = question.space_file.space.metric
    past = [
        Past(
            one.key,
            drawn_values(question, one.row),
            "interrupted" if one.key in before.leftovers else one.row["status"],
            one.row.get(metric),
            dict(before.curves.get(one.row["trial"], ())),
            one.row,
        )
        for one in before.presents
    ]
    if past:
        question.proposals.replay(past)


def drawn_values(question: Question, row: Row) -> dict[str, Value]:
    """What the axes had in a trial, without those that did not count."""
    space = question.space_file.space
    leaves = {axis: row.get(f"config.{axis}") for axis in space.axes}
    values = {axis: leaf for axis, leaf in leaves.items() if leaf is not None}
    if isinstance(space, Search):
        return {a: v for a, v in values.items() if space.is_active(a, values)}
    return values
