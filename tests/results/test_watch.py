"""A sweep followed from outside: to its end, to its death, on a pipe and a terminal."""

import io
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from raypg.results.__main__ import main
from raypg.results.append import SweepWriter
from raypg.results.query import open_store
from raypg.results.watch import lines as watch_lines
from raypg.results.watch.follow import watch_sweep
from raypg.results.watch.lines import Lines
from raypg.results.watch.look import Look, look_at, read_progress
from raypg.results.watch.screen import MAX_RUNNING, Screen
from raypg.store import Store
from tests.command import Command
from tests.conftest import RunSpace
from tests.results.sweeps import Row, epoch_row, new_store, trial_row, write

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FAST_S = 0.02


def row_of(number: int, status: str = "running", **columns: object) -> Row:
    row = trial_row(f"t{number}", status, number=number, started=MOMENT, **columns)
    return {**row, "arm": f"model.depth={number}", "num_epochs": 3}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path, "depth", num_trials=3)


@pytest.fixture
def writer(store: Store) -> Iterator[SweepWriter]:
    """Of a sweep whose first trial completed and whose second one is running."""
    writer = SweepWriter(store, "depth")
    done = row_of(0, "completed", val__accuracy=0.5, finished=MOMENT, train_s=1.25)
    writer.append("trials", done)
    writer.append("trials", row_of(1))
    writer.flush()
    yield writer
    writer.close()


@pytest.fixture
def watch(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """`python -m raypg.results watch` in this process."""
    return Command(main, store.uri, capsys, monkeypatch)


def wait_for(is_so: Callable[[], bool], limit_s: float = 20) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_pipe_gets_a_line_a_trial_and_the_answer(
    writer: SweepWriter, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = threading.Thread(
        target=watch_sweep, args=(open_store(store), "depth", FAST_S)
    )
    thread.start()
    said = ""

    def has_said(text: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return text in said

    wait_for(lambda: has_said("1 of 3 trials ended, 1 running"))
    nan = {"cause": "nan", "status_reason": "loss\nis NaN", "finished": MOMENT}
    writer.append("trials", row_of(1, "failed", **nan))
    writer.append("trials", row_of(2))
    wait_for(lambda: has_said("[2/3] trial 1 (model.depth=1, seed 0): failed (nan): "))
    writer.append("trials", row_of(2, "stopped", val__accuracy=0.75, finished=MOMENT))
    writer.close()
    thread.join(20)
    assert has_said(
        "[3/3] trial 2 (model.depth=2, seed 0): stopped, val.accuracy 75.00"
    )
    assert "loss is NaN\n" in said
    progress, answer = said.split("\n\n", 1)
    assert len(progress.splitlines()) == 3
    mark, answer = answer.split("\narm ", 1)
    assert "failed: 1 of 1 trials of A are left out" in mark
    assert f"Failed: 1. Why: python -m raypg.results show depth {store.option}" in said
    assert "unfinished" not in said


def test_a_sweep_that_is_over_answers_at_once(store: Store, watch: Command) -> None:
    rows = [row_of(n, "completed", val__accuracy=0.5) for n in range(3)]
    write(store, "depth", trials=rows)
    said = watch("watch", "depth", "--every", "3600")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("arm ")
    assert "of 3 trials" not in said.out


@pytest.mark.parametrize(("kind", "program"), [("search", "tune"), ("trial", "train")])
def test_a_killed_sweep_is_over_and_says_how_to_go_on(
    kind: str, program: str, store: Store, watch: Command
) -> None:
    store.write_description("depth", {"kind": kind, "num_trials": 3})
    script = """
import sys, time
from raypg.results.append import SweepWriter
from raypg.store import Store
writer = SweepWriter(Store(sys.argv[1]), "depth")
writer.append("trials", {"trial": "a", "status": "running", "number": 0})
writer.flush()
print("written", flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", script, store.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        killer = threading.Timer(0.5, process.kill)
        killer.start()
        said = watch("watch", "depth", "--every", "0.1")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("depth: 0 of 3 trials ended, 1 running\n")
    resume = f"python -m raypg.{program} --resume depth {store.option}"
    assert f"ended with 3 of 3 trials unfinished; go on with: {resume}\n" in said.out


@pytest.fixture
def heard() -> Iterator[None]:
    """Processes that are started hear SIGINT, though a shell's background does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("writer", "heard")
def test_ctrl_c_ends_the_watching_without_a_traceback(store: Store) -> None:
    command = [sys.executable, "-m", "raypg.results", "watch", "depth"]
    process = subprocess.Popen(
        [*command, "--store", store.uri],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("depth: 1 of 3 trials ended")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=90) == ("", "")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dept"], 'Did you mean "depth"?'),
        (["depth", "--every", "0"], "must be from 0.1 to 3600 seconds"),
        (["depth", "--every", "nan"], "must be from 0.1 to 3600 seconds"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, watch: Command
) -> None:
    said = watch("watch", *arguments)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert said.err.count("\n") == 1


def test_a_bucket_that_cannot_tell_and_fails_is_asked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(store, "depth", trials=[row_of(0, "completed", val__accuracy=0.5)])
    answers = iter([True, OSError("no\nroute"), OSError("no route"), None, False])

    def answer(*_: object) -> bool | None:
        found = next(answers)
        if isinstance(found, OSError):
            raise found
        return found

    monkeypatch.setattr(Store, "is_being_written", answer)
    monkeypatch.setattr(watch_lines, "SIGN_EVERY_S", 0.0)
    watch_sweep(open_store(store), "depth", FAST_S)
    said = capsys.readouterr().out
    assert said.count("the store does not answer, asking again: no route\n") == 1
    assert said.count("gives no sign (dead, or clocks differ)\n") == 1
    assert "ended with 2 of 3 trials unfinished" in said


def test_a_sweep_that_nobody_writes_yet_is_looked_at_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(_: float) -> None:
        write(store, "depth", trials=[row_of(0, "completed", val__accuracy=0.5)])

    monkeypatch.setattr("raypg.results.watch.follow.time.sleep", start)
    watch_sweep(open_store(store), "depth", FAST_S)
    assert capsys.readouterr().out.startswith("arm ")


def look_of(*rows: Row, **about: object) -> Look:
    """Rows as they would be read: with each column."""
    blank = {"finished": None, "source_sweep": None, "train_s": None, "cause": None}
    kept = [{**blank, "status_reason": None, **row} for row in rows]
    known = {"sweep": "depth", "kind": "ablation", "metric": "val.accuracy"}
    rest = {"mode": "max", "planned": 3, "is_written": True}
    return Look(rows=kept, **{**known, **rest, **about})  # type: ignore[arg-type]


def test_a_trial_that_is_retried_is_told_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = row_of(0, "completed", val__accuracy=0.5, train_s=2.0)
    with Lines() as lines:
        for status in ("failed", "failed", "running", "interrupted", "cached"):
            lines.show(look_of(row_of(0, status, source_sweep="old"), planned=1))
        lines.show(look_of({**ended, "status": "completed"}, planned=1))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "depth: 1 of 1 trials ended, 1 failed"
    assert [line.split(": ")[1] for line in said[1:]] == [
        "interrupted, val.accuracy nothing after 3 epochs",
        "cached, val.accuracy nothing after 3 epochs, from old",
        "completed, val.accuracy 50.00 % after 3 epochs, 2.0 s",
    ]
    assert said[1].startswith("[0/1] ")


def test_the_best_of_a_loss_is_the_least() -> None:
    rows = [row_of(n, "completed", val__loss=n / 10) for n in (3, 1, 2)]
    look = look_of(*rows, row_of(4, "stopped", val__loss=0), metric="val.loss")
    assert look.best is not None
    assert look.best["number"] == 3
    assert (
        "best val.loss 0.1 (model.depth=1, seed 0)"
        in look_of(*rows, metric="val.loss", mode="min").describe()
    )


def test_a_terminal_shows_the_epochs_of_running_trials(
    writer: SweepWriter, store: Store
) -> None:
    for epoch in (1, 2):
        writer.append("epochs", epoch_row("t1", epoch, **{"val.accuracy": epoch / 4}))
    writer.flush()
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=50)
    with Screen(store, console) as screen:
        screen.show(look_at(open_store(store), "depth"))
        screen.say("the store [does not] answer")
        running = [row_of(n) for n in range(MAX_RUNNING + 2)]
        failed = row_of(99, "failed", status_reason="bad [batch]", finished=MOMENT)
        screen.show(look_of(*running, failed, planned=20))
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", file.getvalue())
    assert "depth: 1 of 3 trials ended, 1 running, best val.accuracy 50.00 %" in shown
    assert re.search(r"\n1 +model.depth=1 +0 +2 +50.00 % +\d\d:\d\d:05", shown)
    assert "the store [does not] answer" in shown
    assert "and 2 more" in shown
    assert "failed (code): bad [batch]" in shown


def test_progress_is_read_from_the_end_of_the_table(
    writer: SweepWriter, store: Store
) -> None:
    assert read_progress(store, "depth", "val.accuracy") == {}
    writer.append("epochs", epoch_row("t1", 1, **{"val.accuracy": 0.25}))
    writer.append("epochs", epoch_row("t1", 2, **{"val.accuracy": 0.5}))
    writer.append("epochs", epoch_row("t2", 1))
    writer.flush()
    found = {"t1": (2, 0.5), "t2": (1, None)}
    assert read_progress(store, "depth", "val.accuracy") == found
    assert read_progress(store, "depth", "best.val.accuracy") == found
    assert read_progress(store, "depth", "val.f1")["t1"] == (2, None)
    writer.close()
    assert read_progress(store, "depth", "val.accuracy") == {}


@pytest.mark.slow
def test_a_real_sweep_is_followed_from_its_start_to_its_answer(
    run_space: RunSpace, tmp_path: Path
) -> None:
    runs, followers = tmp_path / "runs", []

    def follow() -> None:
        wait_for(lambda: (runs / "space" / "sweep.json").exists(), limit_s=120)
        command = [sys.executable, "-m", "raypg.results", "watch", "space"]
        followers.append(
            subprocess.Popen(
                [*command, "--store", str(runs), "--every", "0.2"],
                stdout=subprocess.PIPE,
                text=True,
            )
        )

    thread = threading.Thread(target=follow)
    thread.start()
    base = {"model.name": "mlp", "train.epochs": 30}
    axes = {"model.hidden": [4, 32]}
    sweep = run_space(f"SPACE = Ablation(base={base}, axes={axes}, seeds=2)")
    thread.join()
    (follower,) = followers
    said, _ = follower.communicate(timeout=60)
    assert (sweep.exit_code, follower.returncode) == (0, 0)
    progress, answer = said.split("\n\n", 1)
    numbers = [re.match(r"\[(\d)/4\] ", line) for line in progress.splitlines()]
    assert [number.group(1) for number in numbers if number][-1] == "4"
    assert answer.startswith("arm ")
