"""Lets go of the checkpoints that a sweep need not keep, beside its training."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from ctypes import c_float

from raypg.checkpoints import Held, has_whole_size, list_held
from raypg.entries import Entry, Row
from raypg.ledger import Ledger
from raypg.results import open_results
from raypg.results.columns import LEFT
from raypg.retention import (
    Ended,
    Retention,
    let_go_by_rank,
    let_go_by_size,
    rank,
    size_text,
)
from raypg.store import Store

LOOK_EVERY_S = 30.0
"""How often the budget is looked at while no trial ends: those under way grow, too."""
LEAST_PAUSE_S = 1.0
MOST_SHARE = 0.1
"""Of a sweep's time, what looking through its store may take."""
ENDED = ("completed", "stopped", "failed", *LEFT)
"""Trials that are not gone on from; a cached one has no checkpoint in its sweep."""


class Pruner:
    """Deletes checkpoints of ended trials; an audience of the ledger while it is open.

    Whatever it deletes is in the tables first: the trial's end, so that no resume needs
    the checkpoint, and the option that lets it go. A SIGKILL at any instant costs what
    was to go, and the next session's first pass deletes the rest of it.

    Args:
        ledger: the books of the sweep.
        store: where it lives.
        retention: what is to stay.
        metric: that the best trial is chosen by.
        mode: `max` or `min`.
        flush: puts all rows on disk; whether they are there.
        tell: told what a person should know, as one line, from a thread.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        retention: Retention,
        metric: str,
        mode: str,
        *,
        flush: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:
        self._ledger, self._store, self._retention = ledger, store, retention
        self._metric, self._mode = metric, mode
        self._flush, self._tell = flush, tell
        self._lock = threading.Lock()
        rows = (row for row in ledger.rows_over if row["status"] in ENDED)
        over = [_ended_row(row, metric) for row in rows]
        self._ended = {one.trial: one for one in over}
        self._gone: dict[str, int] = {}
        self._told: set[str] = set()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="prune", daemon=True)

    def __enter__(self) -> "Pruner":
        if self._retention.is_asked:
            self._ledger.tell(self)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look once more, and say what was let go."""
        if not self._retention.is_asked:
            return
        self._closing.set()
        self._wake.set()
        self._thread.join()
        self._try()
        if self._gone:
            size = size_text(sum(self._gone.values()))
            self._say(f"checkpoints let go: {size}, of {len(self._gone)} trials")

    def on_epoch(self, entry: Entry, metrics: Mapping[str, float]) -> None:
        """Nothing: a trial under way keeps what it has."""

    def on_end(self, entry: Entry) -> None:
        """From now on the trial competes, and may lose its checkpoints."""
        if entry.status in ENDED:
            key, value = entry.trial.key, _single(entry.metrics.get(self._metric))
            with self._lock:
                self._ended[key] = Ended(key, entry.number, entry.status, value)
                if (old := entry.columns.get("began_as", "")) in self._ledger.before:
                    # Until now the trial might have had to go on from there again.
                    self._ended[old] = _ended_row(self._ledger.before[old], "")
            self._wake.set()

    def prune(self) -> None:
        """Delete what need not stay, as things stand.

        Raises:
            OSError: the store fails; nothing is lost that was to stay.
        """
        asked = self._retention
        with self._lock:
            ended = list(self._ended.values())
        held = list_held(self._store, self._ledger.sweep)
        ranked = rank([one for one in ended if one.trial in held], self._mode)
        if not self._has_work(ranked, held):
            return
        # A trial whose end is not on disk is gone on from if the driver dies now.
        self._write_rows()
        referred = open_results(self._store).referred(self._ledger.sweep)
        by_rank = let_go_by_rank(ranked, asked.num_trials, referred)
        self._let_go(by_rank, held, asked.rule)
        if asked.keeps_last_only:
            self._trim((one.trial for one in ranked), held)
        by_size = let_go_by_size(ranked, _sizes(held), asked.budget_bytes, referred)
        self._let_go(by_size, held, asked.budget)
        if (left := sum(_sizes(held).values())) > asked.budget_bytes:
            self._tell_once(
                f"{asked.budget}: passed, {size_text(left)} stay: of the best trial, "
                "of trials under way and of those that other sweeps refer to"
            )

    def _has_work(
        self, ranked: Sequence[Ended], held: Mapping[str, Sequence[Held]]
    ) -> bool:
        """Whether something may have to go, before other sweeps are looked at."""
        asked = self._retention
        has_older = any(len(held[one.trial]) > 1 for one in ranked)
        return (
            bool(let_go_by_rank(ranked, asked.num_trials, ()))
            or (has_older and asked.keeps_last_only)
            or sum(_sizes(held).values()) > asked.budget_bytes
        )

    def _let_go(
        self, trials: Sequence[str], held: dict[str, list[Held]], option: str
    ) -> None:
        """Delete all checkpoints of some trials, once the tables say so."""
        for trial in trials:
            self._ledger.note_gone(trial, option)
        self._write_rows()
        for trial in trials:
            ones = held.pop(trial)
            for folder in {one.folder.rpartition("/")[0] for one in ones}:
                self._store.delete_folder(folder)
            self._gone[trial] = sum(one.size_bytes for one in ones)

    def _trim(self, trials: Iterable[str], held: dict[str, list[Held]]) -> None:
        """Delete what is older than a trial's last checkpoint that is whole."""
        for trial in trials:
            ones = held.get(trial, [])
            for place, one in enumerate(ones[:-1], start=1):
                if has_whole_size(self._store, one):
                    for old in ones[place:]:
                        self._store.delete_folder(old.folder)
                    held[trial] = ones[:place]
                    break

    def _write_rows(self) -> None:
        if not self._flush():
            raise OSError("the sweep's rows cannot be written now")

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            began = time.monotonic()
            if not self._closing.is_set():
                self._try()
            took_s = time.monotonic() - began
            self._closing.wait(max(LEAST_PAUSE_S, took_s / MOST_SHARE))

    def _try(self) -> None:
        """One pass; one that fails keeps what is there, and the sweep goes on."""
        try:
            self.prune()
        except Exception as error:  # disk space must not end a sweep
            cause = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._tell_once(f"checkpoints are kept that were to be let go: {cause}")

    def _tell_once(self, line: str) -> None:
        kind = line.partition(":")[0]
        if kind not in self._told:
            self._told.add(kind)
            self._say(line)

    def _say(self, line: str) -> None:
        with suppress(OSError, ValueError):  # standard error may be closed
            self._tell(line)


def _ended_row(row: Row, metric: str) -> Ended:
    return Ended(row["trial"], row["number"], row["status"], _single(row.get(metric)))


def _single(value: float | None) -> float | None:
    """In single precision, as the tables have it, for equals to be equal."""
    return None if value is None else c_float(value).value


def _sizes(held: Mapping[str, Sequence[Held]]) -> dict[str, int]:
    return {t: sum(one.size_bytes for one in ones) for t, ones in held.items()}
