"""Checkpoints are let go as asked, wherever the store is and whatever breaks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raypg.checkpoints import checkpoint_folders, last_good_checkpoint, list_held
from raypg.entries import Entry, Leftover, Row
from raypg.ledger import Ledger
from raypg.pruning import Pruner
from raypg.results import SweepWriter, open_results
from raypg.retention import parse_retention
from raypg.store import Store
from raypg.training.state import INDEX_FILE, STATE_FILE, build_index
from tests.books import epoch, new_ledger, next_of
from tests.buckets import new_bucket
from tests.fakes import InjectedFault
from tests.results.sweeps import trial_row, write


@dataclass
class Sweep:
    """The books of a sweep of three trials, with checkpoints of 100 bytes and more."""

    store: Store
    ledger: Ledger
    pruner: Pruner
    said: list[str] = field(default_factory=list)

    def begin(self, num_saved: int = 1, attempt: int = 0) -> Entry:
        """A trial under way that has checkpoints."""
        entry = next_of(self.ledger)
        for number in range(num_saved):
            save(self.store, entry.trial.key, number, attempt)
        return entry

    def end(
        self, accuracy: float, status: str = "completed", num_saved: int = 1
    ) -> str:
        """A trial that ended with checkpoints; its id."""
        entry = self.begin(num_saved)
        metrics = {**epoch(1.0), "val.accuracy": accuracy, "val.loss": 1 - accuracy}
        self.ledger.report(entry, 1, metrics)
        self.ledger.end(entry, status, summary={"checkpoint": "somewhere"})
        self.pruner.on_end(entry)
        return entry.trial.key

    def held(self) -> dict[str, int]:
        """How many checkpoints each trial has."""
        return {t: len(ones) for t, ones in list_held(self.store, "space").items()}

    def row(self, trial: str) -> Row:
        """What the tables have of a trial."""
        return open_results(self.store).find_trial("space", trial)


def save(
    store: Store, trial: str, number: int = 0, attempt: int = 0, sweep: str = "space"
) -> str:
    """Write a whole checkpoint; its folder."""
    own = f"{trial}-{attempt}" if attempt else trial
    folder = f"{sweep}/checkpoints/{own}/checkpoint_{number:06d}"
    data = b"x" * 100
    store.write_whole(f"{folder}/{STATE_FILE}", data)
    store.write_whole(f"{folder}/{INDEX_FILE}", build_index(data, number).encode())
    return folder


@pytest.fixture(params=["folder", "s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """One with the description of a sweep."""
    uri = str(tmp_path / "runs")
    if request.param == "s3":
        uri = f"{new_bucket('s3', monkeypatch)}/some/prefix"
    store = Store(uri)
    store.create_sweep("space")
    store.write_description("space", {"kind": "ablation"})
    return store


OpenSweep = Callable[..., Sweep]


@pytest.fixture
def open_sweep(store: Store) -> Iterator[OpenSweep]:
    """A session of the sweep; the next one ends it."""
    with ExitStack() as stack:

        def open_one(
            keep: str = "all",
            disk: str = "",
            metric: str = "",
            leftovers: Mapping[int, Leftover] | None = None,
        ) -> Sweep:
            stack.close()
            rows = open_results(store).trials("space")
            writer = SweepWriter(store, "space")
            stack.callback(writer.close, compact=False)
            ledger = new_ledger(writer=writer, rows=rows, leftovers=leftovers)
            said: list[str] = []
            pruner = Pruner(
                ledger,
                store,
                parse_retention(keep, disk),
                metric or "val.accuracy",
                "min" if metric == "val.loss" else "max",
                flush=writer.flush,
                tell=said.append,
            )
            return Sweep(store, ledger, pruner, said)

        yield open_one


@pytest.mark.parametrize("metric", ["val.accuracy", "val.loss"])
@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("all", [2, 1, 3]),
        ("last", [1, 1, 1]),
        ("best", [0, 1, 0]),
        ("2", [0, 1, 1]),
        ("3", [1, 1, 1]),
    ],
)
def test_a_rule_keeps_what_it_says(
    open_sweep: OpenSweep, keep: str, kept: Sequence[int], metric: str
) -> None:
    sweep = open_sweep(keep, metric=metric)
    trials = [sweep.end(0.1, num_saved=2), sweep.end(0.9), sweep.end(0.5, num_saved=3)]
    sweep.pruner.prune()
    assert sweep.pruner._flush()
    held = sweep.held()
    assert [held.get(trial, 0) for trial in trials] == kept
    for trial, num_kept in zip(trials, kept, strict=True):
        row = sweep.row(trial)
        gone = None if num_kept else f"--keep-checkpoints {keep}"
        assert row["checkpoint_gone"] == gone
        assert row["checkpoint"] == ("somewhere" if num_kept else None)
        if num_kept:
            newest = last_good_checkpoint(sweep.store, "space", trial)
            assert newest.endswith(f"_00000{[1, 0, 2][trials.index(trial)]}")


def test_trials_under_way_and_interrupted_keep_theirs(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("best", "1B")
    sweep.end(0.9)
    under_way, interrupted = sweep.begin(2), sweep.begin(2)
    sweep.ledger.end(interrupted, "interrupted")
    sweep.pruner.on_end(interrupted)
    sweep.pruner.prune()
    assert sorted(sweep.held().values()) == [1, 2, 2]
    again = open_sweep("best", "1B")
    again.pruner.prune()
    assert again.held()[under_way.trial.key] == again.held()[interrupted.trial.key] == 2


def test_a_failed_trial_is_none_of_the_best(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("best")
    failed, stopped = sweep.end(0.9, "failed"), sweep.end(0.8, "stopped")
    sweep.pruner.prune()
    assert sweep.held() == {stopped: 1}
    completed = sweep.end(0.1)
    sweep.pruner.prune()
    assert sweep.held() == {completed: 1}
    assert sweep.row(failed)["status"] == "failed"


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_the_first_of_two_equals_stays_also_in_another_session(
    open_sweep: OpenSweep, accuracy: float
) -> None:
    first = open_sweep().end(accuracy)
    again = open_sweep("best")
    again.end(accuracy)
    again.pruner.prune()
    assert again.held() == {first: 1}


def test_a_failed_trial_that_runs_again_keeps_its_own(open_sweep: OpenSweep) -> None:
    sweep = open_sweep()
    failed, best = sweep.end(0.9, "failed", num_saved=2), sweep.end(0.5)
    retried = {0: Leftover(0, 1, frozenset({1}), "")}
    again = open_sweep("best", leftovers=retried)
    again.pruner.prune()
    assert again.held() == {failed: 2, best: 1}
    later = open_sweep("best")
    later.pruner.prune()
    assert later.held() == {best: 1}


def test_what_another_sweep_refers_to_stays(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("best", "1B")
    cached = sweep.end(0.1, num_saved=2)
    sweep.store.write_description("other", {"kind": "ablation"})
    rows = [trial_row(cached, "cached", source_sweep="space")]
    write(sweep.store, "other", trials=rows)
    best, other = sweep.end(0.9), sweep.end(0.5)
    sweep.pruner.prune()
    assert sweep.held() == {cached: 1, best: 1}
    assert other not in sweep.held()


def test_a_budget_lets_the_worst_go_first(open_sweep: OpenSweep) -> None:
    # A checkpoint has 100 bytes of state and some 130 of index.
    sweep = open_sweep("all", "600B")
    middle, worst = sweep.end(0.5), sweep.end(0.1)
    sweep.pruner.prune()
    assert sweep.held() == {middle: 1, worst: 1}
    best = sweep.end(0.9)
    sweep.pruner.prune()
    assert sweep.held() == {middle: 1, best: 1}
    assert sweep.row(worst)["checkpoint_gone"] == "--checkpoint-disk 600B"
    assert sweep.said == []


def test_a_budget_that_is_too_small_is_told_of_once(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("all", "1B")
    best = sweep.end(0.9)
    running = sweep.begin().trial.key
    for _ in range(2):
        sweep.pruner.prune()
    assert sweep.held() == {best: 1, running: 1}
    (line,) = sweep.said
    assert line.startswith("--checkpoint-disk 1B: passed, ")


def test_an_older_checkpoint_stays_where_the_last_is_torn(
    open_sweep: OpenSweep,
) -> None:
    sweep = open_sweep("last")
    trial = sweep.end(0.5, num_saved=3)
    newest, whole, _ = checkpoint_folders(sweep.store, "space", trial)
    sweep.store.write_whole(f"{newest}/{STATE_FILE}", b"torn")
    sweep.pruner.prune()
    assert checkpoint_folders(sweep.store, "space", trial) == [newest, whole]
    sweep.store.delete(f"{newest}/{INDEX_FILE}")
    sweep.pruner.prune()
    assert last_good_checkpoint(sweep.store, "space", trial) == whole


def test_the_last_of_all_attempts_stays(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("last")
    trial = sweep.end(0.5, num_saved=2)
    newest = save(sweep.store, trial, 0, attempt=10)
    save(sweep.store, trial, 7, attempt=2)
    sweep.pruner.prune()
    assert sweep.held() == {trial: 1}
    assert last_good_checkpoint(sweep.store, "space", trial) == newest


def test_nothing_else_is_touched(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("best", "1B")
    trial = sweep.end(0.1)
    best = sweep.end(0.9)
    strangers = [
        save(sweep.store, trial, sweep="other"),
        save(sweep.store, f"{trial}0"),
        save(sweep.store, f"{trial}-old"),
        f"space/checkpoints/{trial}x",
    ]
    sweep.store.write_whole(f"{strangers[-1]}/notes.txt", b"mine")
    before = sweep.store.sizes("")
    sweep.pruner.prune()
    after = sweep.store.sizes("")
    own = f"space/checkpoints/{trial}/"
    gone = {path for path in before.keys() - after.keys() if "/tables/" not in path}
    assert gone == {path for path in before if path.startswith(own)}
    assert best in sweep.held()


def test_the_tables_say_it_before_anything_is_deleted(
    open_sweep: OpenSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = open_sweep("best")
    trials = [sweep.end(accuracy) for accuracy in (0.1, 0.9, 0.5)]
    seen: dict[str, tuple[str, str]] = {}

    def look(folder: str) -> None:
        trial = folder.rpartition("/")[2]
        row = sweep.row(trial)
        seen[trial] = (row["status"], row["checkpoint_gone"])

    monkeypatch.setattr(sweep.store, "delete_folder", look)
    sweep.pruner.prune()
    told = ("completed", "--keep-checkpoints best")
    assert seen == {trials[0]: told, trials[2]: told}


@pytest.mark.parametrize("num_deleted", [0, 1])
def test_a_pass_that_dies_costs_what_was_to_go_and_is_ended_by_the_next_session(
    open_sweep: OpenSweep, monkeypatch: pytest.MonkeyPatch, num_deleted: int
) -> None:
    sweep = open_sweep("best")
    trials = [sweep.end(accuracy, num_saved=2) for accuracy in (0.1, 0.9, 0.5)]
    delete, deleted = sweep.store.delete_folder, list[str]()

    def fail(folder: str) -> None:
        if len(deleted) == num_deleted:
            raise InjectedFault(folder)
        deleted.append(folder)
        delete(folder)

    monkeypatch.setattr(sweep.store, "delete_folder", fail)
    with pytest.raises(InjectedFault, match="space/checkpoints"):
        sweep.pruner.prune()
    monkeypatch.setattr(sweep.store, "delete_folder", delete)
    assert last_good_checkpoint(sweep.store, "space", trials[1])
    rows = {trial: sweep.row(trial) for trial in trials}
    assert [row["status"] for row in rows.values()] == ["completed"] * 3
    again = open_sweep("best")
    again.pruner.prune()
    assert again.held() == {trials[1]: 1}
    told = "checkpoint_gone"
    assert [again.row(t)[told] is None for t in trials] == [False, True, False]
    assert [again.row(t)["finished"] for t in trials] == [
        row["finished"] for row in rows.values()
    ]


def test_nothing_goes_while_rows_cannot_be_written(
    open_sweep: OpenSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = open_sweep("best")
    for accuracy in (0.1, 0.9):
        sweep.end(accuracy)
    monkeypatch.setattr(sweep.pruner, "_flush", lambda: False)
    with pytest.raises(OSError, match="rows cannot be written"):
        sweep.pruner.prune()
    assert len(sweep.held()) == 2
    with sweep.pruner:
        pass
    (line,) = sweep.said
    assert line.startswith("checkpoints are kept that were to be let go: OSError: the")
    assert len(sweep.held()) == 2


def test_a_thread_lets_go_while_the_sweep_runs(open_sweep: OpenSweep) -> None:
    sweep = open_sweep("best")
    with sweep.pruner:
        for accuracy in (0.1, 0.9, 0.5):
            sweep.end(accuracy)
    assert len(sweep.held()) == 1
    (line,) = sweep.said
    assert line.startswith("checkpoints let go: ")
    assert line.endswith(", of 2 trials")
