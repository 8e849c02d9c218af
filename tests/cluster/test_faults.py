"""Whatever is killed: no row is lost, none is doubled, the numbers are the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from raypg.cluster.prepare import Options
from raypg.cluster.sweep import Finished, resume_sweep
from raypg.results import open_results
from raypg.store import Store
from tests.cluster.calm import curves
from tests.cluster.processes import killing, wait_for_nothing_left, wait_until
from tests.conftest import NUM_SLOTS, RunSpace
from tests.numbers import everything

pytestmark = pytest.mark.slow

NUM_EPOCHS = 25
SPACE = f"""
SPACE = Ablation(
    base={{"model.name": "densenet", "model.depth": 10, "model.growth_rate": 4,
          "train.epochs": {NUM_EPOCHS}, "data.fraction": 0.5}},
    axes={{"optimizer.lr": [0.05, 0.1]}},
)
"""
OFTEN = {"checkpoint_every_s": 0.3}
PAIR = {**OFTEN, "max_concurrent": 2}


@pytest.fixture(scope="module")
def calm_curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Filled by the first test that needs the undisturbed run."""
    return {}


def calm(run_space: RunSpace, kept: dict[str, object]) -> object:
    if "curves" not in kept:
        finished = run_space(SPACE)
        kept["curves"] = curves(finished.store, finished.sweep)
        kept["everything"] = everything(open_results(finished.store))
    return kept


@pytest.fixture(autouse=True)
def nothing_is_left(cluster: None) -> Iterator[None]:
    """Whatever a test kills, its sweep leaves no process and no placement group."""
    yield
    wait_for_nothing_left()


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody has waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_epochs(tmp_path: Path, num: int, store: str = "chaos") -> bool:
    """Whether the sweep's tables hold so many epochs already."""
    results = open_results(str(tmp_path / store))
    sweeps = results.store.sweeps() if results.store.exists() else []
    return any(len(results.epochs(sweep)) >= num for sweep in sweeps)


def check_whole(finished: Finished, expected: object) -> None:
    results = open_results(finished.store)
    found = curves(finished.store, finished.sweep)
    for rows in found.values():
        assert [epoch for epoch, _ in rows] == list(range(1, NUM_EPOCHS + 1))
    assert {"curves": found, "everything": everything(results)} == expected
    assert finished.exit_code == 0


def test_a_killed_trial_actor_costs_no_row(
    run_space: RunSpace,
    tmp_path: Path,
    calm_curves: dict[str, object],
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = calm(run_space, calm_curves)
    capfd.readouterr()
    with killing("Trainable", lambda: has_epochs(tmp_path, 8)) as killed:
        finished = run_space(SPACE, store=str(tmp_path / "chaos"), **PAIR)
    assert len(killed) == 1
    check_quiet("".join(capfd.readouterr()))
    check_whole(finished, expected)
    attempts = open_results(finished.store).sql("select max(attempt) m from epochs")
    assert attempts["m"].to_pylist() == [1]


def check_quiet(said: str) -> None:
    """Nobody is shown what Ray and Tune say of a death that costs nothing."""
    loud = [line for line in said.splitlines() if not line.startswith("[")]
    assert loud == []


def test_a_killed_group_worker_costs_no_row(
    run_space: RunSpace,
    tmp_path: Path,
    calm_curves: dict[str, object],
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = calm(run_space, calm_curves)
    capfd.readouterr()
    with killing("RayTrainWorker", lambda: has_epochs(tmp_path, 8)) as killed:
        finished = run_space(
            SPACE, store=str(tmp_path / "chaos"), uses_group=True, **PAIR
        )
    assert len(killed) == 1
    check_quiet("".join(capfd.readouterr()))
    check_whole(finished, expected)


def test_a_killed_worker_of_two_costs_no_row(
    run_space: RunSpace, tmp_path: Path
) -> None:
    # The other one sees a broken collective, and must not take it for the trial's end.
    with killing("RayTrainWorker", lambda: has_epochs(tmp_path, 8)) as killed:
        finished = run_space(
            SPACE,
            store=str(tmp_path / "chaos"),
            workers_per_trial=2,
            max_concurrent=1,
            **OFTEN,
        )
    assert len(killed) == 1
    for rows in curves(finished.store, finished.sweep).values():
        assert [epoch for epoch, _ in rows] == list(range(1, NUM_EPOCHS + 1))
    assert finished.exit_code == 0


def test_a_killed_group_actor_frees_its_room_and_costs_no_row(
    run_space: RunSpace, tmp_path: Path
) -> None:
    # One group fills the cluster: the trial can go on only where the old one is gone.
    with killing("Trainable", lambda: has_epochs(tmp_path, 8)) as killed:
        finished = run_space(
            SPACE,
            store=str(tmp_path / "chaos"),
            uses_group=True,
            cpus_per_worker=NUM_SLOTS,
            **OFTEN,
        )
    assert len(killed) == 1
    for rows in curves(finished.store, finished.sweep).values():
        assert [epoch for epoch, _ in rows] == list(range(1, NUM_EPOCHS + 1))
    assert finished.exit_code == 0


def has_started(tmp_path: Path, attempt: int) -> bool:
    """Whether a trial of the sweep is on a worker for the `attempt`-th time."""
    results = open_results(str(tmp_path / "chaos"))
    sweeps = results.store.sweeps() if results.store.exists() else []
    return any(
        row["status"] == "running" and row["attempt"] == attempt
        for sweep in sweeps
        for row in results.trials(sweep)
    )


def test_a_process_that_dies_three_times_at_one_epoch_is_a_failed_trial(
    run_space: RunSpace, tmp_path: Path
) -> None:
    slow = ("model.depth=58", "model.growth_rate=24", "data.fraction=1.0")
    with (
        killing("Trainable", lambda: has_started(tmp_path, 0)) as first,
        killing("Trainable", lambda: has_started(tmp_path, 1)) as second,
        killing("Trainable", lambda: has_started(tmp_path, 2)) as third,
    ):
        finished = run_space(
            'SPACE = Ablation(base={"model.name": "densenet", "train.epochs": 1},'
            ' axes={"optimizer.lr": [0.1]})',
            *slow,
            store=str(tmp_path / "chaos"),
        )
    assert len(first) == len(second) == len(third) == 1
    (failed,) = open_results(finished.store).trials(finished.sweep)
    assert failed["status"] == "failed"
    assert failed["status_reason"] == "its process died 3 times after epoch 0"
    assert failed["cause"] == "worker_lost"
    assert finished.exit_code == 1


SEARCH = """
SPACE = Search(
    base={"model.name": "densenet", "model.depth": 10, "model.growth_rate": 4},
    axes={"optimizer.lr": log_uniform(1e-3, 1.0)}, trials=8,
    scheduler=ASHA(max_epochs=16, grace_epochs=4, reduction_factor=2),
)
"""


def start_command(
    tmp_path: Path, source: str = SPACE, *more: str
) -> subprocess.Popen[str]:
    """The real command, in a process and a cluster of its own."""
    space = tmp_path / "space.py"
    space.write_text(f"from raypg import *\n{source}\n")
    command = [sys.executable, "-m", "raypg.tune", str(space)]
    command += ["--store", str(tmp_path / "chaos"), "--checkpoint-every", "0.3", *more]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    return subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=tmp_path,
        process_group=0,
    )


@pytest.mark.parametrize(
    ("number", "times"),
    [(signal.SIGKILL, 1), (signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2)],
)
def test_a_driver_that_ends_is_resumed_without_loss(
    run_space: RunSpace,
    tmp_path: Path,
    calm_curves: dict[str, object],
    number: signal.Signals,
    times: int,
) -> None:
    expected = calm(run_space, calm_curves)
    driver = start_command(tmp_path)
    wait_until(lambda: has_epochs(tmp_path, 8), limit_s=120)
    # Ray's own agents end within a minute of the raylet, with raypg and without it.
    started = [
        process
        for process in psutil.Process(driver.pid).children(recursive=True)
        if "Agent" not in " ".join(process.cmdline())
    ]
    if number == signal.SIGKILL:
        driver.send_signal(number)
    for _ in range(times if number != signal.SIGKILL else 0):
        os.killpg(driver.pid, number)  # as a terminal, `timeout` and Slurm do
        time.sleep(0.1)
    _, errors = driver.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert driver.returncode == -signal.SIGKILL
    else:
        assert driver.returncode == 130, errors
        assert "python -m raypg.tune --resume space" in errors
    wait_until(lambda: not any(map(is_alive, started)))
    assert len(curves(Store(str(tmp_path / "chaos")), "space")) > 0
    check_whole(resume_sweep("space", Options(store=str(tmp_path / "chaos"))), expected)


@pytest.mark.parametrize("num_workers", [1, 2])
def test_what_was_reported_before_ctrl_c_is_not_trained_again(
    cluster: None, tmp_path: Path, num_workers: int
) -> None:
    more = ("--checkpoint-every", "1000", "--workers-per-trial", str(num_workers))
    driver = start_command(tmp_path, SPACE, *more)
    wait_until(lambda: has_epochs(tmp_path, 8), limit_s=300)
    os.killpg(driver.pid, signal.SIGINT)
    _, errors = driver.communicate(timeout=150)
    assert driver.returncode == 130, errors
    store = Store(str(tmp_path / "chaos"))
    before = {trial: len(rows) for trial, rows in curves(store, "space").items()}
    finished = resume_sweep("space", Options(store=store.uri))
    assert finished.exit_code == 0
    kept = open_results(store).sql(
        "select trial, count(*) as num from epochs where attempt = 0 group by trial"
    )
    found = {row["trial"]: row["num"] for row in kept.to_pylist()}
    assert {trial: found[trial] for trial in before} == before
    for rows in curves(store, "space").values():
        assert [epoch for epoch, _ in rows] == list(range(1, NUM_EPOCHS + 1))


def test_a_killed_driver_of_groups_is_resumed_without_loss(
    cluster: None, tmp_path: Path
) -> None:
    two = ("--workers-per-trial", "2", "--max-concurrent", "1")
    driver = start_command(tmp_path, SPACE, *two)
    wait_until(lambda: has_epochs(tmp_path, 8), limit_s=120)
    driver.send_signal(signal.SIGKILL)
    driver.communicate(timeout=60)
    finished = resume_sweep("space", Options(store=str(tmp_path / "chaos")))
    assert finished.exit_code == 0
    for rows in curves(finished.store, "space").values():
        assert [epoch for epoch, _ in rows] == list(range(1, NUM_EPOCHS + 1))
    counts = open_results(finished.store).sql(
        "select (select count(*) from predictions) as val,"
        " (select count(*) from test_results) as tests"
    )
    assert counts.to_pylist() == [{"val": 600, "tests": 2}]


def check_refused_to_another_driver(tmp_path: Path, pid: int) -> None:
    command = [sys.executable, "-m", "raypg.tune", "--resume", "space"]
    command += ["--store", str(tmp_path / "chaos")]
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert line.startswith("sweep space: must be written by one process"), line
    assert f"process {pid} on " in line


def test_a_search_under_asha_is_resumed_to_the_same_end(
    run_space: RunSpace, tmp_path: Path
) -> None:
    calm = run_space(SEARCH)
    # One at a time: what a trial is judged by is then the same in every run.
    driver = start_command(tmp_path, SEARCH, "--max-concurrent", "1")
    wait_until(lambda: has_epochs(tmp_path, 4), limit_s=120)
    check_refused_to_another_driver(tmp_path, driver.pid)
    wait_until(lambda: has_epochs(tmp_path, 20), limit_s=120)
    driver.send_signal(signal.SIGKILL)
    driver.communicate(timeout=60)
    store = Store(str(tmp_path / "chaos"))
    assert 1 < len(open_results(store).trials("space")) < 8
    finished = resume_sweep("space", Options(store=store.uri, max_concurrent=1))
    assert finished.exit_code == 0
    assert ends_of(finished) == ends_of(calm)
    assert {status for _, status, _ in ends_of(calm)} == {"completed", "stopped"}
    assert curves(finished.store, "space") == curves(calm.store, calm.sweep)


def ends_of(finished: Finished) -> list[tuple[str, str, int]]:
    """Each trial in the order of their proposals: how it ended, after which epoch."""
    rows = open_results(finished.store).trials(finished.sweep)
    return [(row["trial"], row["status"], row["num_epochs"]) for row in rows]
