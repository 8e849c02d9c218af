"""Trials as runs of W&B: in its own offline files, and with a W&B that fails."""

import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raypg.experiment import build_proposals, parse_space
from raypg.ledger import Ledger
from raypg.store import Store
from raypg.wandb_log import About, WandbLog, log_to_wandb
from raypg.wandb_log import lane as lanes
from tests.conftest import RunSpace
from tests.fakes import FakeWriter
from tests.wandb_files import Run, read_runs

SPACE = """from raypg import *
SPACE = Ablation(
    base={"model.name": "mlp", "model.hidden": 8, "train.epochs": 2},
    axes={"optimizer.lr": [0.05, 0.1]}, seeds=2)"""
METRICS = {"time": 5.0, "lr": 0.1, "val.accuracy": 0.5, "val.loss": 1.5}


@pytest.fixture(autouse=True)
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of whoever runs the tests, and nothing reaches a server."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ledger() -> Ledger:
    return new_ledger()


def new_ledger(memo: dict[str, Any] | None = None) -> Ledger:
    space_file = parse_space(SPACE, "space.py")
    return Ledger(
        "space",
        build_proposals(space_file, [], device="cpu", num_workers=1),
        FakeWriter(),
        facts={},
        memo=memo or {},
        leftovers={},
        metric="val.accuracy",
    )


def train(ledger: Ledger, status: str = "completed", num_epochs: int = 2) -> str:
    """Book a trial as the driver would; returns its key."""
    entry = ledger.next_entry()
    assert entry is not None
    ledger.start(entry)
    for epoch in range(1, num_epochs + 1):
        ledger.report(entry, epoch, {**METRICS, "val.accuracy": epoch / 10})
    ledger.end(entry, status, reason="", summary={"best.val.accuracy": 0.2})
    return entry.trial.key


def log_of(folder: Path, said: list[str]) -> WandbLog:
    return WandbLog(About("space", "2026", str(folder)), said.append)


def runs_by_trial(folder: Path) -> dict[str, Run]:
    return {run.config["raypg"]["trial"]: run for run in read_runs(folder)}


def test_a_trial_is_a_run_of_the_sweeps_group(
    tmp_path: Path, ledger: Ledger, said: list[str]
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    key = train(ledger)
    log.close()
    run = runs_by_trial(tmp_path)[key]
    assert (run.group, run.job_type) == ("space", "optimizer.lr=0.05")
    assert run.name == "optimizer.lr=0.05, seed 0"
    assert run.config["optimizer"]["lr"] == 0.05
    assert [(row["_step"], row["val.accuracy"]) for row in run.history] == [
        (1, 0.1),
        (2, 0.2),
    ]
    assert "time" not in run.history[0]
    assert run.summary["best.val.accuracy"] == 0.2
    assert run.summary["status"] == "completed"
    assert (run.exit_code, run.tags) == (0, ["completed"])


def test_trials_side_by_side_are_runs_of_their_own(
    tmp_path: Path, ledger: Ledger, said: list[str]
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    entries = [ledger.next_entry() for _ in range(4)]
    for epoch in (1, 2):
        for entry in entries:
            assert entry is not None
            ledger.report(entry, epoch, {**METRICS, "lr": float(entry.number)})
    log.on_end(entries[0])  # type: ignore[arg-type]
    log.close()
    runs = runs_by_trial(tmp_path)
    assert len(runs) == 4
    for entry in entries:
        assert entry is not None
        lrs = [row["lr"] for row in runs[entry.trial.key].history]
        assert lrs == [entry.number, entry.number]


@pytest.mark.parametrize("status", ["failed", "stopped", "interrupted"])
def test_the_status_is_the_tag(
    tmp_path: Path, ledger: Ledger, said: list[str], status: str
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    key = train(ledger, status, num_epochs=0 if status == "failed" else 1)
    log.close()
    run = runs_by_trial(tmp_path)[key]
    assert run.tags == [status]
    assert run.summary["status"] == status
    assert run.exit_code == (0 if status == "stopped" else 1)


def test_without_an_account_one_line_says_how_to_send_the_runs(
    tmp_path: Path, ledger: Ledger, said: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    train(ledger)
    train(ledger)
    log.close()
    assert said == [
        "W&B: no account (see `wandb login`): runs are kept offline",
        "W&B: 2 runs are kept offline; send them with: "
        f"wandb sync {tmp_path}/wandb/*run-*",
    ]
    assert capfd.readouterr() == ("", "")


def test_a_disabled_wandb_writes_and_says_nothing(
    tmp_path: Path, ledger: Ledger, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    log = log_of(tmp_path, said)
    ledger.tell(log)
    train(ledger)
    log.close()
    assert said == []
    assert read_runs(tmp_path) == []


def test_a_server_that_does_not_answer_leaves_the_runs_offline(
    tmp_path: Path, ledger: Ledger, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr("raypg.wandb_log.session.INIT_S", 1.0)
    log = log_of(tmp_path, said)
    ledger.tell(log)
    for _ in range(4):
        train(ledger)
    log.close()
    first, *waits, last = said
    assert first.startswith("W&B: runs are kept offline, as the server took none")
    assert all("waiting for it, at most" in line for line in waits), said
    assert "4 runs are kept offline; send them with" in last
    whole = [run for run in read_runs(tmp_path) if run.exit_code == 0]
    assert [len(run.history) for run in whole] == [2] * 4


def test_a_resumed_trial_goes_on_with_its_run() -> None:
    about = About("space", "2026-01-01", "here")
    assert about.run_id("abc") == About("space", "2026-01-01", "there").run_id("abc")
    others = [About("other", "2026-01-01", ""), About("space", "2026-01-02", "")]
    assert about.run_id("abc") not in [one.run_id("abc") for one in others]


def test_what_the_store_held_is_not_logged_again(
    tmp_path: Path, said: list[str]
) -> None:
    proposals = new_ledger().proposals
    rows = {}
    while (trial := proposals.propose()) is not None:
        rows[trial.key] = {"sweep": "old", "status": "completed", "val.accuracy": 0.5}
    ledger = new_ledger(rows)
    log = log_of(tmp_path, said)
    ledger.tell(log)
    assert ledger.next_entry() is None
    log.close()
    assert read_runs(tmp_path) == []
    (line,) = said
    assert line.startswith("W&B: 4 cached trial(s) are not logged; --fresh would")


class Broken(types.ModuleType):
    """A W&B that fails at whatever is asked of it."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"no {name}\ntoday")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", Broken("wandb"))


@pytest.mark.usefixtures("broken")
def test_a_wandb_that_raises_is_one_line(
    tmp_path: Path, ledger: Ledger, said: list[str]
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    for _ in range(4):
        train(ledger)
    log.close()
    assert said == ["W&B: RuntimeError: no Settings today"]


class Slow(types.SimpleNamespace):
    """A W&B whose runs never begin."""

    def __init__(self) -> None:
        self.Settings = dict
        self.is_open = True
        mode = types.SimpleNamespace(mode="offline", base_url="")
        self.setup = lambda _: types.SimpleNamespace(settings=mode)

    def init(self, **_: object) -> None:
        while self.is_open:
            time.sleep(0.01)
        raise RuntimeError("over")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    wandb = Slow()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    yield
    wandb.is_open = False


@pytest.mark.usefixtures("slow")
def test_a_wandb_that_hangs_is_left_after_the_timeout(
    tmp_path: Path, ledger: Ledger, said: list[str]
) -> None:
    log = log_of(tmp_path, said)
    ledger.tell(log)
    started = time.monotonic()
    train(ledger)
    log.close(timeout_s=0.2)
    assert time.monotonic() - started < 5
    assert said[-1].startswith("W&B: it has not taken all; the rest is kept")


@pytest.mark.usefixtures("slow")
def test_events_that_nobody_takes_are_dropped(
    tmp_path: Path, ledger: Ledger, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MOST_EVENTS", 3)
    log = log_of(tmp_path, said)
    ledger.tell(log)
    train(ledger, num_epochs=50)
    log.close(timeout_s=0.1)
    assert said[0] == "W&B: it is slower than the sweep; some epochs are not logged"


@pytest.mark.usefixtures("broken")
def test_without_the_flag_wandb_is_not_touched(tmp_path: Path, ledger: Ledger) -> None:
    said: list[str] = []
    with log_to_wandb(ledger, Store(str(tmp_path)), said.append, is_on=False):
        train(ledger)
    assert said == []


def test_a_sweep_keeps_its_runs_in_its_own_folder(
    run_space: RunSpace, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = run_space(SPACE, uses_wandb=True)
    runs = runs_by_trial(Path(finished.store.root) / finished.sweep)
    assert sorted(runs) == sorted(finished.ledger.entries)
    assert all([len(run.history) == 2 for run in runs.values()])
    assert "wandb sync" in capsys.readouterr().err


@pytest.mark.usefixtures("broken")
def test_a_sweep_does_not_fail_with_wandb(
    run_space: RunSpace, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = run_space(SPACE, uses_wandb=True)
    assert finished.exit_code == 0
    assert finished.ledger.count("completed") == 4
    assert capsys.readouterr().err.count("W&B: RuntimeError") == 1
