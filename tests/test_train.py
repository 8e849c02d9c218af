import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raypg.checkpoints import checkpoint_folders, last_good_checkpoint, read_checkpoint
from raypg.experiment import Trial
from raypg.results import Results, open_results
from raypg.results.__main__ import main as show_main
from raypg.solo import session
from raypg.solo.link import EpochLines
from raypg.store import Store
from raypg.training.state import unpack_state
from tests.command import Command
from tests.numbers import everything

MODEL = ("model.name=mlp", "model.hidden=16", "model.dropout=0.2", "data.fraction=0.2")
TINY = (*MODEL, "train.epochs=4", "--threads", "1")


def only_trial(results: Results, sweep: str = "train") -> Mapping[str, Any]:
    """The row of a sweep's one trial."""
    (row,) = results.trials(sweep)
    return row


def interrupt_after(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Send this process a SIGINT when an epoch was reported."""
    speak = EpochLines.on_epoch

    def on_epoch(lines: EpochLines, entry: Any, metrics: Any) -> None:  # noqa: ANN401
        speak(lines, entry, metrics)
        if entry.epoch == epoch:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(EpochLines, "on_epoch", on_epoch)


def test_a_trial_is_trained_and_its_result_is_printed(train: Command) -> None:
    said = train(*TINY)
    assert said.code == 0
    header, line, hint = said.out.splitlines()
    assert header.split()[:3] == ["trial", "status", "num_epochs"]
    assert line.split()[1:3] == ["completed", "4"]
    assert hint.startswith("Ask further: python -m raypg.results show train --store")
    assert [part.split()[1] for part in said.err.splitlines()] == [
        "1/4",
        "2/4",
        "3/4",
        "4/4",
    ]


def test_the_tables_hold_what_a_sweep_would_leave(train: Command) -> None:
    train(*TINY)
    results = open_results(train.store)
    row = only_trial(results)
    assert (row["status"], row["num_epochs"], row["attempt"]) == ("completed", 4, 0)
    assert (row["arm"], row["num_workers"], row["num_threads"]) == ("mlp", 1, 1)
    assert row["config.model.hidden"] == 16
    assert row["val.accuracy"] == results.epochs("train")[-1]["val.accuracy"]
    assert row["train_s"] > 0
    counts = results.sql(
        "select (select count(*) from epochs) e, (select count(*) from predictions) p,"
        "(select count(*) from test_predictions) t, (select count(*) from test_results)"
    )
    assert [int(column[0].as_py()) for column in counts] == [4, 300, 300, 1]


def test_the_sweep_describes_itself_as_every_sweep_does(train: Command) -> None:
    train(*TINY)
    about = Store(train.store).read_description("train")
    assert about["kind"] == "trial"
    assert (about["metric"], about["mode"], about["num_trials"]) == (
        "val.accuracy",
        "max",
        1,
    )
    assert about["config"]["model.name"] == "mlp"
    assert about["command"][0] == "model.name=mlp"
    assert {"question", "space_source", "axes", "baseline", "layers"} <= about.keys()


def test_the_sweep_is_shown_as_what_it_is(train: Command) -> None:
    train(*TINY)
    show = replace(train, main=show_main)
    said = show("show", "train")
    assert said.code == 0
    assert "command: python -m raypg.train model.name=mlp" in said.out
    assert "The trial reached val.accuracy" in said.out


def test_the_last_epoch_has_a_checkpoint_and_two_are_kept(train: Command) -> None:
    train(*TINY, "--checkpoint-every", "0")
    store = Store(train.store)
    key = only_trial(open_results(store))["trial"]
    folders = checkpoint_folders(store, "train", key)
    states = [unpack_state(read_checkpoint(store, folder)) for folder in folders]
    assert [state.epoch for state in states] == [4, 3]
    assert only_trial(open_results(store))["checkpoint"] == store.path(folders[0])


def test_a_trial_that_the_store_holds_is_not_trained_again(train: Command) -> None:
    train(*TINY)
    said = train(*TINY)
    assert (said.code, said.out.splitlines()[1].split()[1]) == (0, "cached")
    assert said.err == "the store holds this trial, trained in train\n"
    row = only_trial(open_results(train.store), "train-2")
    assert (row["status"], row["source_sweep"]) == ("cached", "train")


def test_fresh_trains_it_again_to_the_same_numbers(train: Command) -> None:
    train(*TINY)
    results = open_results(train.store)
    before = everything(results)
    assert train(*TINY, "--fresh", "--name", "again").code == 0
    assert only_trial(results, "again")["status"] == "completed"
    Store(train.store).delete_sweep("train")
    assert everything(results) == before


def test_an_interrupted_trial_goes_on_bit_for_bit(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(*TINY)
    results = open_results(train.store)
    straight = everything(results)
    Store(train.store).delete_sweep("train")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        said = train(*TINY)
    assert said.code == 130
    assert "Go on with: python -m raypg.train --resume train --store" in said.err
    row = only_trial(results)
    assert (row["status"], row["status_reason"]) == ("interrupted", "SIGINT")
    store = Store(train.store)
    folder = last_good_checkpoint(store, "train", row["trial"])
    assert unpack_state(read_checkpoint(store, folder)).epoch == 2
    said = train("--resume", "train")
    assert said.code == 0
    assert [line.split()[1] for line in said.err.splitlines()] == ["3/4", "4/4"]
    row = only_trial(results)
    assert (row["status"], row["attempt"], row["num_epochs"]) == ("completed", 1, 4)
    assert everything(results) == straight


def test_a_trial_that_lacks_only_its_end_is_booked_whole(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("raypg.trial._write_predictions", die)
        assert train(*TINY).code == 130
    said = train("--resume", "train")
    row = only_trial(open_results(train.store))
    assert (said.code, said.err) == (0, "")
    assert (row["status"], row["num_epochs"], row["best_epoch"] > 0) == (
        "completed",
        4,
        True,
    )
    assert row["val.accuracy"] > 0.1
    assert row["train_s"] > 0


def test_resuming_a_trial_that_has_ended_prints_it_again(train: Command) -> None:
    before = train(*TINY)
    said = train("--resume", "train")
    assert (said.code, said.out, said.err) == (0, before.out, "")


def test_a_trial_does_not_go_on_with_other_code(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        train(*TINY)
    build = session.build_trial

    def build_changed(*arguments: Any, **more: Any) -> Trial:  # noqa: ANN401
        trial = build(*arguments, **more)
        changed = {**trial.fingerprint.code, "raypg/optim/__init__.py": "changed"}
        print_ = replace(trial.fingerprint, code=changed)
        return replace(trial, fingerprint=print_, key=print_.key)

    monkeypatch.setattr(session, "build_trial", build_changed)
    said = train("--resume", "train")
    assert said.code == 2
    assert "must go on with the code and versions that it started with" in said.err
    assert "found changes in raypg/optim/__init__.py. Start it anew." in said.err


def test_a_second_signal_ends_a_trial_at_once(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt_twice(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(EpochLines, "on_epoch", interrupt_twice)
    assert train(*TINY).code == 130
    row = only_trial(open_results(train.store))
    assert (row["status"], row["status_reason"]) == ("interrupted", "SIGTERM")
    assert train("--resume", "train").code == 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)]
)
def test_a_trial_whose_process_dies_loses_no_epoch_and_doubles_none(
    train: Command, number: int, code: int
) -> None:
    own = ["--checkpoint-every", "0", "--threads", "1", "--store", train.store]
    command = [sys.executable, "-m", "raypg.train", *MODEL, "train.epochs=500", *own]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if b"epoch   3/500" in line:
                process.send_signal(number)
                break
        process.communicate()
    assert process.returncode == code
    store, results = Store(train.store), open_results(train.store)
    # From its checkpoints: a killed process may not have written a row yet.
    (key,) = store.folders("train/checkpoints")
    folder = last_good_checkpoint(store, "train", key)
    remembered = unpack_state(read_checkpoint(store, folder)).epoch
    interrupt_after(train.monkeypatch, remembered + 2)
    assert train("--resume", "train").code == 130
    epochs = [row["epoch"] for row in results.epochs("train")]
    assert epochs == list(range(1, remembered + 3))


def test_a_trial_that_fails_says_why_at_once_and_in_its_row(train: Command) -> None:
    said = train(*TINY, "optimizer.lr=1e18")
    assert said.code == 1
    assert "failed: train.loss: must be finite; found nan" in said.err
    row = only_trial(open_results(train.store))
    assert row["status"] == "failed"
    assert "TrialError" in row["error"]
    assert row["cause"] == "nan"
    assert row["user_traceback"].startswith("raypg.errors.TrialError: ")
    assert train("--resume", "train").code == 1


def test_a_trial_that_stops_early_is_completed_and_says_so(train: Command) -> None:
    said = train(*TINY, "optimizer.lr=1e-12", "train.early_stopping=2")
    assert said.code == 0
    assert "completed: early stopping: no better val.accuracy in 2 epochs" in said.err
    assert said.out.splitlines()[1].split()[1:3] == ["completed", "3"]
    rows = open_results(train.store).sql("select count(*) n from predictions")
    assert rows["n"].to_pylist() == [300]


def test_a_list_that_is_empty_is_remembered(train: Command) -> None:
    own = ("schedule.name=multistep", "schedule.milestones=")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(patch, 1)
        assert train(*TINY, *own).code == 130
    assert train("--resume", "train").code == 0
    (row,) = open_results(train.store).trials("train")
    assert row["config.schedule.milestones"] == []


def test_a_store_that_takes_no_checkpoint_fails_no_trial(
    train: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole = Store.write_whole

    def refuse(store: Store, path: str, content: bytes, **how: bool) -> None:
        if path.endswith("state.pt"):
            raise OSError("No space left on device")
        write_whole(store, path, content, **how)

    monkeypatch.setattr(Store, "write_whole", refuse)
    said = train(*TINY)
    assert said.code == 0
    assert "epoch 4 has no checkpoint: No space left on device" in said.err
    assert only_trial(open_results(train.store))["checkpoint"] is None


def test_sweeps_are_named_in_turn_and_a_name_is_used_once(train: Command) -> None:
    train(*TINY)
    train(*TINY)
    assert Store(train.store).sweeps() == ["train", "train-2"]
    said = train(*TINY, "--name", "train")
    assert said.code == 2
    assert said.err.startswith("--name train: must be new; found it in")
    assert "python -m raypg.train --resume train" in said.err


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["train.epoch=3"], 'Did you mean "train.epochs"?'),
        (["train.epochs=many"], "must be a whole number"),
        (["spaces.py"], "A space is run by python -m raypg.tune spaces.py."),
        (["a.yaml"], "Write --config FILE for a.yaml."),
        (["--preset", "papers"], 'Did you mean "paper"?'),
        (["--config", "none.yaml"], "none.yaml: must be a readable file"),
        (["--threads", "-1"], "--threads"),
        (["--device", "tpu"], "--device"),
        (["--name", "../out"], "--name: must start with a letter"),
        (["--name", ""], "--name': must not be empty"),
        (["data.name=mnist", "data.root=/nowhere"], "/nowhere"),
        (["--resume", "train"], "must be a sweep in"),
        (["--resume", "train", "seed=1", "--fresh"], "found --fresh seed=1"),
        (["--evaluate", "ab", "--name", "x"], "must stand alone; found --name"),
        (["--evaluate", "ab"], "must exist; found nothing there"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    arguments: list[str], match: str, train: Command
) -> None:
    said = train(*arguments)
    assert (said.code, said.out) == (2, "")
    assert match in said.err
    assert len(said.err.splitlines()) == 1
    assert train.is_untouched()


def test_a_sweep_of_a_space_is_not_resumed_as_a_trial(train: Command) -> None:
    store = Store(train.store)
    store.create_sweep("depths")
    store.write_description("depths", {"kind": "ablation"})
    said = train("--resume", "depths")
    assert said.code == 2
    assert "Try python -m raypg.tune --resume depths." in said.err


def test_print_config_prints_what_config_takes(train: Command, tmp_path: Path) -> None:
    printed = train("model.name=resnet", "seed=7", "--print-config").out
    (tmp_path / "a.yaml").write_text(printed)
    again = train("--config", str(tmp_path / "a.yaml"), "--print-config")
    assert again.out == printed
    assert "depth: 20" in printed
    assert train.is_untouched()


def test_the_best_metric_is_the_configs_own(train: Command) -> None:
    train(*TINY, "train.metric=val.loss")
    about = Store(train.store).read_description("train")
    assert (about["metric"], about["mode"]) == ("val.loss", "min")
    losses = [row["val.loss"] for row in open_results(train.store).epochs("train")]
    row = only_trial(open_results(train.store))
    assert row["best_epoch"] == losses.index(min(losses)) + 1
