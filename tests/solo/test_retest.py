from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from raypg.checkpoints import checkpoint_folders
from raypg.results import SweepWriter, open_results
from raypg.solo import retest
from raypg.store import Store
from raypg.training.evaluation import Evaluation
from tests.command import Command

SHORT = ("data.fraction=0.2", "train.epochs=3", "--threads", "1")
TINY = ("model.name=mlp", "model.hidden=16", *SHORT)


def key_of(train: Command, sweep: str = "train") -> str:
    """The id of a sweep's one trial."""
    (row,) = open_results(train.store).trials(sweep)
    return str(row["trial"])


@contextmanager
def writing(train: Command) -> Iterator[SweepWriter]:
    """The writer of the sweep `train`, made where it is missing, closed at the end."""
    store = Store(train.store)
    if not store.has_sweep("train"):
        store.create_sweep("train")
        store.write_description("train", {"kind": "trial"})
    with closing(SweepWriter(store, "train")) as writer:
        yield writer


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_a_trial_is_tested_again_to_the_last_bit(
    name: str, precision: str, train: Command
) -> None:
    size = "model.channels=4" if name == "cnn" else "model.hidden=16"
    train(f"model.name={name}", size, f"train.precision={precision}", *SHORT)
    said = train("--evaluate", key_of(train)[:6])
    assert said.code == 0
    assert said.out.endswith("The same as in the table, to the last bit.\n")
    (stored,) = open_results(train.store).sql("from test_results").to_pylist()
    found = retest.retest_trial(Store(train.store), key_of(train))
    assert found.is_same
    assert found.accuracy == pytest.approx(stored["test.accuracy"])


def test_a_cached_trial_is_tested_from_the_sweep_that_trained_it(
    train: Command,
) -> None:
    train(*TINY)
    train(*TINY)
    found = retest.retest_trial(Store(train.store), key_of(train, "train-2"))
    assert (found.sweep, found.is_same) == ("train", True)


def test_the_newest_sweep_with_a_checkpoint_is_tested(train: Command) -> None:
    train(*TINY)
    train(*TINY, "--fresh")
    store, trial = Store(train.store), key_of(train)
    assert retest.retest_trial(store, trial).sweep == "train-2"
    store.delete_folder("train-2/checkpoints")
    assert retest.retest_trial(store, trial).sweep == "train"


def test_other_numbers_than_the_stored_ones_are_told_apart(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(*TINY)
    evaluate_state = retest.evaluate_state

    def evaluate_badly(*arguments: object) -> Evaluation:
        good = evaluate_state(*arguments)  # type: ignore[arg-type]
        return Evaluation(good.loss + 0.5, good.accuracy, good.probabilities_NK)

    monkeypatch.setattr(retest, "evaluate_state", evaluate_badly)
    said = train("--evaluate", key_of(train))
    assert "Not the same as in the table: test.loss differs by 0.5." in said.out
    assert "Changed since it was trained: nothing that is recorded." in said.out


def test_what_has_changed_since_is_named(train: Command) -> None:
    train(*TINY)
    (row,) = open_results(train.store).trials("train")
    with writing(train) as writer:
        other = {**row, "fingerprint.torch": "1.0", "fingerprint.data": "digits-0"}
        writer.append("trials", other)
    found = retest.retest_trial(Store(train.store), key_of(train))
    assert found.changes == ["data", "torch"]


def test_a_trial_that_did_not_complete_is_tested_and_has_nothing_to_compare(
    train: Command,
) -> None:
    train(*TINY)
    (row,) = open_results(train.store).trials("train")
    store = Store(train.store)
    for name in store.files("train/tables/test_results"):
        store.delete(f"train/tables/test_results/{name}")
    said = train("--evaluate", row["trial"])
    assert said.code == 0
    assert said.out.endswith("no test results of it: it did not complete.\n")


def test_a_gpu_that_is_not_here_is_an_error_in_a_line(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    train(*TINY)
    (row,) = open_results(train.store).trials("train")
    with writing(train) as writer:
        writer.append("trials", {**row, "device": "cuda"})
    said = train("--evaluate", row["trial"][:6])
    assert (said.code, said.out) == (2, "")
    assert "cuda: must be here; found no GPU that torch can use" in said.err
    assert "Write --device cpu" in said.err
    assert train("--evaluate", row["trial"][:6], "--device", "cpu").code == 0
    store = Store(train.store)
    about = store.read_description("train")
    about["options"]["device"] = "cuda"
    store.write_description("train", about)
    said = train("--resume", "train")
    assert said.code == 2
    assert "--resume train: cuda: must be here" in said.err


def test_a_damaged_checkpoint_is_passed_over(train: Command) -> None:
    train(*TINY, "--checkpoint-every", "0")
    store, trial = Store(train.store), key_of(train)
    newest, older = checkpoint_folders(store, "train", trial)
    store.write_whole(f"{newest}/state.pt", b"torn")
    assert retest.retest_trial(store, trial).epoch <= 2
    store.write_whole(f"{older}/raypg.json", b"")
    said = train("--evaluate", trial)
    assert said.code == 2
    assert said.err.startswith(f"{trial}: must have a checkpoint that is whole")


def test_a_checkpoint_that_was_let_go_is_told_with_the_option(train: Command) -> None:
    train(*TINY)
    train(*TINY)
    (row,) = open_results(train.store).trials("train")
    Store(train.store).delete_folder("train/checkpoints")
    with writing(train) as writer:
        gone = {"checkpoint": None, "checkpoint_gone": "--keep-checkpoints best"}
        writer.append("trials", {**row, **gone})
    said = train("--evaluate", row["trial"])
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert "none in train-2 or train (train let it go by --keep" in said.err


def test_a_part_of_an_id_must_be_enough_of_it(train: Command) -> None:
    with writing(train) as writer:
        for trial in ("aa11", "aa12", "bb13"):
            writer.append("trials", {"trial": trial, "status": "completed"})
    said = train("--evaluate", "aa")
    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert "found 2 that start so. Write more of it: aa11, aa12." in said.err
    said = train("--evaluate", "ba13")
    assert said.code == 2
    assert "found none in" in said.err
    assert "bb13" in said.err
    assert "bb13: must have a checkpoint" in train("--evaluate", "b").err
