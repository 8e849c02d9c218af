"""The trial actor's class in this process, without Ray's processes around it."""

import os
import pickle
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.train._internal.checkpoint_manager import _TrainingResult
from ray.train._internal.storage import StorageContext

from raypg.cluster import trainable
from raypg.cluster.local import LocalWorkers
from raypg.cluster.messages import Assignment
from raypg.cluster.trainable import EPOCH, REPORTED, LocalTrainable
from raypg.config import fingerprint, flatten, load, parse_overrides
from raypg.errors import ClusterError
from raypg.store import Store


def config(tmp_path: Path, *overrides: str, **fields: Any) -> dict[str, str]:  # noqa: ANN401
    """What Tune hands over for one trial of an MLP."""
    own = load([parse_overrides(["model.name=mlp", *overrides])])
    given: dict[str, Any] = {
        "trial": fingerprint(own, device="cpu", num_workers=1).key,
        "sweep": "s",
        "store": str(tmp_path),
        "attempt": 0,
        "device": "cpu",
        "num_threads": 1,
        "checkpoint_every_s": 0.0,
        "keeps_every_state": False,
        "trials_per_worker": 0,
    }
    assignment = Assignment(config=flatten(own), **(given | fields))
    return {"assignment": assignment.to_json()}


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Any]:
    """Builds trainables, and ends them with the test."""
    Store(str(tmp_path)).create_sweep("s")
    built: list[LocalTrainable] = []

    def build_one(*overrides: str, **fields: Any) -> LocalTrainable:  # noqa: ANN401
        built.append(LocalTrainable(config=config(tmp_path, *overrides, **fields)))
        return built[-1]

    yield build_one
    for one in built:
        one.stop()


def run(trial: LocalTrainable) -> list[dict[str, Any]]:
    results = [trial.train()]
    while not results[-1]["done"]:
        results.append(trial.train())
    return results


def losses(results: list[dict[str, Any]]) -> list[float]:
    return [dict(result[REPORTED])["val.loss"] for result in results]


def test_every_epoch_is_a_step_and_the_last_one_ends_the_trial(build: Any) -> None:  # noqa: ANN401
    results = run(build("train.epochs=3"))
    assert [result[EPOCH] for result in results] == [1, 2, 3]
    assert results[-1]["raypg_status"] == "completed"
    assert results[-1]["raypg_summary"]["best_epoch"] >= 1
    assert results[-1]["raypg_test"]["test.accuracy"] > 0.5


def test_a_checkpoint_is_gone_on_from_with_its_history(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    first = build("train.epochs=4")
    straight = [first.train(), first.train()]
    first.save(str(tmp_path / "checkpoint"))
    straight += run(first)
    second = build("train.epochs=4")
    second.restore(str(tmp_path / "checkpoint"))
    resumed = run(second)
    assert [result[EPOCH] for result in resumed] == [3, 4]
    assert losses(resumed) == losses(straight[2:])
    history = resumed[0]["raypg_history"]
    assert [row["val.loss"] for row in history] == losses(straight[:2])
    assert "raypg_history" not in resumed[1]


def test_a_store_that_takes_no_checkpoint_is_told_of_and_keeps_nothing(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    trial = build("train.epochs=3")
    trial.train()
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(kept))
    monkeypatch.setattr(tune.Trainable, "save", refuse)
    assert trial.save().checkpoint is None
    assert list(kept.iterdir()) == []
    problem = trial.train()["raypg_problem"]
    assert problem == "epoch 1 has no checkpoint: No space left on device"
    assert "raypg_problem" not in trial.train()


def test_checkpoints_are_numbered_by_those_that_were_written(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the driver counts them: it tells a new process where to go on."""
    monkeypatch.setattr(trainable, "MOST_SHARE", 1e9)
    trial = build("train.epochs=4")
    storage = StorageContext(str(tmp_path), "checkpoints", trial_dir_name="t")
    storage.storage_filesystem.create_dir(storage.trial_fs_path)
    trial._storage = storage
    trial.train()
    taken = tmp_path / "checkpoints" / "t" / "checkpoint_000000"
    taken.write_text("in the way of the folder")
    assert trial.save().checkpoint is None
    assert storage.current_checkpoint_index == -1
    taken.unlink()
    trial.train()
    assert trial.save().checkpoint.path == str(taken)


def test_a_store_that_fails_slowly_is_not_waited_for_at_every_epoch(
    build: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries: list[int] = []

    def fail_slowly(trial: LocalTrainable, folder: str) -> None:
        tries.append(trial._epoch)
        time.sleep(0.05)
        raise OSError("no answer")

    monkeypatch.setattr(trainable, "MOST_SHARE", 1e-6)
    monkeypatch.setattr(tune.Trainable, "save", fail_slowly)
    trial = build("train.epochs=4")
    for _ in range(4):
        trial.train()
        assert trial.save().checkpoint is None
    assert tries == [1, 4]  # the last one is tried whatever was before


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip_a_byte_of(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def make_unreadable(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [cut_short, make_unreadable])
@pytest.mark.parametrize("has_earlier", [True, False])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
    has_earlier: bool,
    damage: Callable[[Path], None],
) -> None:
    first = build("train.epochs=4")
    own = tmp_path / "s" / "checkpoints" / first._assignment.trial
    straight = [first.train()]
    if has_earlier:
        first.save(str(own / "checkpoint_000000"))
    straight += [first.train()]
    first.save(str(own / "checkpoint_000001"))
    straight += run(first)
    damage(own / "checkpoint_000001" / "state.pt")
    second = build("train.epochs=4")
    second.restore(str(own / "checkpoint_000001"))
    resumed = run(second)
    assert [result[EPOCH] for result in resumed] == list(range(1 + has_earlier, 5))
    assert losses(resumed) == losses(straight[has_earlier:])
    problem = resumed[0]["raypg_problem"]
    assert problem.startswith(f"goes on from epoch {int(has_earlier)}: {own}")


@pytest.mark.parametrize("num_damaged", [0, 1, 2])
def test_a_resumed_trial_goes_on_from_its_newest_whole_checkpoint_and_tells_its_past(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
    num_damaged: int,
) -> None:
    first = build("train.epochs=4")
    own = f"s/checkpoints/{first._assignment.trial}"
    straight = []
    for number in range(2):
        straight += [first.train()]
        first.save(str(tmp_path / own / f"checkpoint_{number:06d}"))
    straight += run(first)
    for number in range(2 - num_damaged, 2):
        flip_a_byte_of(tmp_path / own / f"checkpoint_{number:06d}" / "state.pt")
    second = build("train.epochs=4", resume_from=f"{own}/checkpoint_000001")
    resumed = run(second)
    first_epoch = 3 - num_damaged
    assert [result[EPOCH] for result in resumed] == list(range(first_epoch, 5))
    assert losses(resumed) == losses(straight[first_epoch - 1 :])
    # The driver closes the gap in its tables by what the state remembers.
    past = [one["val.loss"] for one in resumed[0].get("raypg_history", [])]
    assert past == losses(straight[: first_epoch - 1])
    said = f"goes on from epoch {first_epoch - 1}: {own}/checkpoint_000001: state.pt"
    assert resumed[0].get("raypg_problem", "").startswith(said * (num_damaged > 0))
    assert ("raypg_problem" in resumed[0]) == (num_damaged > 0)


class Trap:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("is_told_by_tune", [True, False])
def test_nothing_in_a_checkpoint_is_unpickled(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
    is_told_by_tune: bool,
) -> None:
    first = build("train.epochs=2")
    first.train()
    own = tmp_path / "s" / "checkpoints" / first._assignment.trial
    folder = own / "checkpoint_000000"
    first.save(str(folder))
    trap = tmp_path / "trap"
    (folder / "_dict_checkpoint.pkl").write_bytes(pickle.dumps(Trap(trap)))
    second = build("train.epochs=2")
    checkpoint = tune.Checkpoint.from_directory(folder)
    told = _TrainingResult(checkpoint=checkpoint, metrics={})
    second.restore(told if is_told_by_tune else str(folder))
    (result,) = run(second)
    assert not trap.exists()
    assert result[EPOCH] == 2  # raypg's own files in it are whole
    assert "must hold no pickle" in result["raypg_problem"]


def test_a_reset_leaves_the_trial_and_takes_the_next(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    trial = build("train.epochs=500")
    assert not trial.train()["done"]
    assert trial.reset(config(tmp_path, "train.epochs=1"))
    (result,) = run(trial)
    assert (result[EPOCH], result["raypg_status"]) == (1, "completed")


def test_a_failure_is_a_result_and_the_worker_stays_warm(
    build: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    trial = build("optimizer.lr=1e30")
    (failed,) = run(trial)
    assert failed["raypg_status"] == "failed"
    assert "val.accuracy" not in failed
    assert not failed["should_checkpoint"]
    assert trial.reset(config(tmp_path, "train.epochs=1"))
    assert run(trial)[-1]["raypg_status"] == "completed"


def test_early_stopping_completes_with_its_reason(build: Any) -> None:  # noqa: ANN401
    last = run(build("train.epochs=40", "train.early_stopping=1", "optimizer.lr=1"))[-1]
    assert last["raypg_status"] == "completed"
    assert last["raypg_reason"].startswith("early stopping")
    assert last["should_checkpoint"]


def test_a_spent_worker_says_so(build: Any) -> None:  # noqa: ANN401
    assert run(build("train.epochs=1", trials_per_worker=1))[-1]["raypg_recycle"]
    assert not run(build("train.epochs=1"))[-1]["raypg_recycle"]


def test_a_node_that_is_to_go_has_every_epoch_saved_and_takes_no_further_trial(
    build: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LocalWorkers, "nodes", lambda _: {"here"})
    trial = build("train.epochs=6", checkpoint_every_s=1e9)
    trial.note_leaving(["there"])
    before = trial.train()
    assert "should_checkpoint" not in before
    assert "raypg_recycle" not in before
    trial.note_leaving(["here", "there"])
    results = run(trial)
    # The worker may be an epoch ahead.
    assert [r["should_checkpoint"] for r in results[2:]] == [True] * 3
    assert all(result["raypg_recycle"] for result in results)


def test_a_step_tells_of_a_worker_that_hangs(build: Any) -> None:  # noqa: ANN401
    trial = build("train.epochs=1")
    run(trial)
    error = ClusterError("t", "must give a sign of life", "9 s of silence", "Wait.")
    trial._workers._note_hang(error)
    with pytest.raises(ClusterError, match="must give a sign of life"):
        trial._next_message()
