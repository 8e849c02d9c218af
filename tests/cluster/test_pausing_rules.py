"""How trials that wait are paused, copied, let go on, stopped; without Ray's loop."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow.fs import LocalFileSystem
from ray.tune import Checkpoint
from ray.tune.schedulers import TrialScheduler

from raypg import PBT, Hyperband, Search, uniform
from raypg.cluster.breeding import Breeder
from raypg.cluster.messages import Assignment
from raypg.cluster.pausing import Pausing
from raypg.cluster.trainable import EPOCH, REPORTED
from raypg.entries import Entry
from raypg.experiment import Seen, build_judge
from tests.cluster.test_mailbox import assignment

AXES = {"optimizer.lr": uniform(0.1, 1.0)}
BEGUN = {"optimizer.lr": 0.5}


class Storage:
    """Where Tune keeps a trial's checkpoints."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.current_checkpoint_index = -1
        self.storage_filesystem = LocalFileSystem()

    @property
    def checkpoint_fs_path(self) -> str:
        return f"{self._folder}/checkpoint_{self.current_checkpoint_index:06d}"


@dataclass(eq=False)
class TuneTrial:
    """As much of a Tune trial as the scheduler and the breeder look at."""

    trial_id: str
    folder: Path = Path()
    status: str = "PENDING"
    config: dict[str, Any] = field(default_factory=dict)
    latest_checkpoint_result: Any = None

    def __post_init__(self) -> None:
        self.config["assignment"] = assignment(self.trial_id).to_json()
        self.storage = Storage(self.folder / self.trial_id)
        manager = SimpleNamespace(register_checkpoint=self._register)
        self.run_metadata = SimpleNamespace(checkpoint_manager=manager)

    def _register(self, result: Any) -> None:  # noqa: ANN401
        self.latest_checkpoint_result = result

    def init_local_path(self) -> None:
        """It has a folder from the start."""

    def set_status(self, status: str) -> None:
        self.status = status

    def set_config(self, config: dict[str, Any]) -> None:
        self.config = config

    def is_finished(self) -> bool:
        return self.status in ("TERMINATED", "ERROR")

    def save(self, epoch: int) -> None:
        self.storage.current_checkpoint_index += 1
        folder = Path(self.storage.checkpoint_fs_path)
        folder.mkdir(parents=True)
        for name in ("state.pt", "raypg.json"):
            (folder / name).write_text(f"{self.trial_id} {epoch}")
        self.latest_checkpoint_result = SimpleNamespace(
            checkpoint=Checkpoint(str(folder), self.storage.storage_filesystem),
            metrics={EPOCH: epoch},
        )


class Controller:
    """Stops trials, as Tune's does."""

    def stop_trial(self, trial: TuneTrial) -> None:
        trial.status = "TERMINATED"


class Sweep:
    """The scheduler and its trials; a trial is saved when it is told to pause."""

    def __init__(self, folder: Path, search: Search) -> None:
        judge = build_judge(search, search.trials)
        assert judge is not None
        self.judge, self.folder = judge, folder
        self.entries: dict[str, Any] = {}
        self.flushed = 0
        self.scheduler = Pausing(
            judge,
            search.metric,
            reuses=True,
            values=lambda trial: BEGUN,
            copy=Breeder(lambda trial: self.entries[trial.trial_id], self._flush),
            has_slot=lambda: True,
        )
        self.trials: dict[str, TuneTrial] = {}

    def _flush(self) -> None:
        self.flushed += 1

    def add(self, key: str) -> TuneTrial:
        trial = self.trials[key] = TuneTrial(key, self.folder)
        self.entries[key] = Entry(SimpleNamespace(key=key), 0, 0)  # type: ignore[arg-type]
        self.scheduler.on_trial_add(None, trial)
        return trial

    def report(self, key: str, epoch: int, value: float, *, saves: bool = True) -> str:
        trial = self.trials[key]
        trial.status = "RUNNING"
        result = {EPOCH: epoch, REPORTED: [["val.accuracy", value]]}
        told = self.scheduler.on_trial_result(None, trial, result)
        if told == TrialScheduler.PAUSE and saves:
            trial.save(epoch)
            trial.status = "PAUSED"
        return told

    def next(self) -> str:
        trial = self.scheduler.choose_trial_to_run(Controller())
        return trial.trial_id if trial else ""

    def start(self) -> str:
        key = self.next()
        if key:
            self.trials[key].status = "RUNNING"
        return key


def population(folder: Path) -> Sweep:
    rule = PBT(4, 2, quantile=0.4)
    return Sweep(folder, Search(axes=AXES, trials=3, scheduler=rule))


def test_a_round_is_waited_for_and_the_worst_goes_on_from_the_best(
    tmp_path: Path,
) -> None:
    sweep = population(tmp_path)
    for key in ("a", "b", "c"):
        sweep.add(key)
        assert sweep.report(key, 1, 0.1) == TrialScheduler.CONTINUE
    assert sweep.report("c", 2, 0.5) == TrialScheduler.PAUSE
    assert sweep.report("b", 2, 0.1) == TrialScheduler.PAUSE
    assert (sweep.next(), sweep.scheduler.num_paused) == ("", 2)
    sweep.report("a", 2, 0.9, saves=False)
    assert sweep.next() == ""  # who copies waits for its donor's files
    sweep.trials["a"].save(2)
    sweep.trials["a"].status = "PAUSED"
    order = [sweep.start() for _ in range(3)]
    assert sorted(order) == ["a", "b", "c"]
    taker = sweep.trials["b"]
    folder = Path(taker.latest_checkpoint_result.checkpoint.path)
    assert folder == tmp_path / "b" / "checkpoint_000001"
    assert (folder / "state.pt").read_text() == "a 2"
    assert (folder / "raypg.json").read_text() == "a 2"
    told = Assignment.from_json(taker.config["assignment"])
    assert told.changed == sweep.entries["b"].changes[3]
    assert told.changed != BEGUN
    assert sweep.entries["b"].epoch_columns(3) == {
        "config.optimizer.lr": told.changed["optimizer.lr"],
        "copied_from": "a",
    }
    assert sweep.flushed == 1
    own = Assignment.from_json(sweep.trials["a"].config["assignment"])
    assert own.changed == {}


def test_a_donor_without_its_checkpoint_is_not_copied_and_someone_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = population(tmp_path)
    for key, value in (("a", 0.9), ("b", 0.1), ("c", 0.5)):
        sweep.add(key)
        sweep.report(key, 2, value)
    sweep.trials["a"].latest_checkpoint_result.metrics[EPOCH] = 1
    while sweep.start():
        pass
    assert sweep.trials["b"].latest_checkpoint_result.metrics[EPOCH] == 2
    assert Path(sweep.trials["b"].storage.checkpoint_fs_path).name.endswith("00")
    said = capsys.readouterr().err
    assert said == "b: goes on from its own state, as a has no checkpoint of epoch 2\n"


def test_a_process_that_died_before_it_had_saved_pauses_again(tmp_path: Path) -> None:
    sweep = population(tmp_path)
    for key, value in (("a", 0.9), ("b", 0.1), ("c", 0.5)):
        sweep.add(key)
        sweep.report(key, 2, value, saves=key != "a")
    assert sweep.next() == ""
    sweep.trials["a"].status = "PENDING"  # Tune starts it again
    sweep.scheduler.on_trial_add(None, sweep.trials["a"])
    assert sweep.next() == "a"
    assert sweep.report("a", 1, 0.2) == TrialScheduler.CONTINUE
    assert sweep.report("a", 2, 0.9) == TrialScheduler.PAUSE
    assert sorted(sweep.start() for _ in range(3)) == ["a", "b", "c"]
    assert sweep.entries["b"].donors == {3: "a"}


def test_paused_trials_are_stopped_where_they_wait(tmp_path: Path) -> None:
    search = Search(axes=AXES, trials=3, scheduler=Hyperband(3))
    sweep = Sweep(tmp_path, search)
    for key, value in (("a", 0.9), ("b", 0.1), ("c", 0.5)):
        sweep.add(key)
        sweep.report(key, 1, value)
    assert sweep.scheduler.has_ready
    assert sweep.start() == "a"
    assert [sweep.trials[key].status for key in "bc"] == ["TERMINATED"] * 2
    assert not sweep.scheduler.has_ready


def test_a_trial_that_an_earlier_session_left_waiting_waits_on(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Search(axes=AXES, trials=3, scheduler=Hyperband(3)))
    for key, value in (("a", 0.9), ("b", 0.1), ("c", 0.5)):
        sweep.judge.replay(key, {}, [Seen(1, value)], 1)
    # It is decided at once, and each one is handed out when Tune asks for it.
    for key in "abc":
        assert not sweep.scheduler.has_ready
        sweep.add(key)
        assert sweep.trials[key].status == "PAUSED"
        if key == "a":
            assert sweep.start() == "a"
            sweep.trials["a"].status = "RUNNING"
    assert sweep.next() == ""
    assert [sweep.trials[key].status for key in "bc"] == ["TERMINATED"] * 2
