"""Sweeps on clusters of several nodes, which come and go. Each is real Ray raylets."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

import pytest
from ray.cluster_utils import Cluster

from raypg.results import open_results
from raypg.store import Store
from tests.cluster.calm import Curves, calm_curves, curves
from tests.cluster.own_cluster import SMALL, add_node, new_cluster, node_processes
from tests.cluster.processes import plain_environment, wait_until
from tests.servers import serving

pytestmark = pytest.mark.slow

LIMIT_S = 250
"""Of what is over much sooner, unless the machine has other things to do."""

BASE = {
    "model.name": "densenet",
    "model.depth": 10,
    "model.growth_rate": 4,
    "train.epochs": 50,
    "data.fraction": 0.5,
}
RATES = [0.02, 0.05, 0.1]
SPACE = f"""from raypg import *
SPACE = Ablation(base={BASE}, axes={{"optimizer.lr": {RATES}}}, seeds=2)
"""
FEWER = SPACE.replace("seeds=2", "seeds=1")
"""For groups, each of which costs five processes that import torch."""
SINGLE_EPOCHS = 60
SINGLE = f"""from raypg import *
SPACE = Ablation(base={{**{BASE}, "train.epochs": {SINGLE_EPOCHS}}},
                 axes={{"optimizer.lr": [0.05]}})
"""
"""A trial that is still under way when a notice has come, ten seconds later."""


Start = Callable[..., "subprocess.Popen[str]"]
NEW = ("space.py", "--checkpoint-every", "0.3")
"""What a driver is told to do, beside its options."""


@pytest.fixture
def nodes(cluster: None) -> Iterator[Cluster]:
    """A head without CPUs, as clusters have it, and a node with two.

    Beside a cluster that this process started, Ray asks for its token on these, too.
    """
    nodes = new_cluster()
    yield nodes
    nodes.shutdown()


@pytest.fixture
def start(tmp_path: Path, nodes: Cluster) -> Iterator[Start]:
    """Start a sweep as a user would on the cluster; ended with the test."""
    with starting(tmp_path, nodes.address) as start:
        yield start


@contextmanager
def starting(folder: Path, address: str) -> Iterator[Start]:
    """Start sweeps in a folder, each in a process of its own.

    Args:
        folder: where they run, beside a space.py.
        address: of a cluster that they find in their environment; empty for none.
    """
    (folder / "space.py").write_text(SPACE)
    started = []

    def run(
        *more: str, token: bool = True, what: Sequence[str] = NEW
    ) -> "subprocess.Popen[str]":
        is_option = "--address" in more or not address
        environment = plain_environment(**{} if is_option else {"RAY_ADDRESS": address})
        if token:
            environment["RAY_AUTH_MODE"] = "token"
        driver = subprocess.Popen(
            [sys.executable, "-m", "raypg.tune", *what, *more],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(driver)
        return driver

    try:
        yield run
    finally:
        for driver in started:
            driver.kill()
            driver.communicate()


def check_whole(
    folder: Path,
    errors: str,
    code: int,
    num_epochs: int = 50,
    store: Store | None = None,
    num_trials: int = 6,
) -> None:
    """Every epoch of every trial is there once, with the loss of calm trials."""
    assert code == 0, errors
    results = open_results(store or str(folder / "runs"))
    rows = results.trials("space")
    assert [row["status"] for row in rows] == ["completed"] * num_trials, errors
    found = sorted((row["trial"], row["epoch"]) for row in results.epochs("space"))
    assert found == sorted(
        (r["trial"], e) for r in rows for e in range(1, num_epochs + 1)
    )
    assert "Traceback" not in errors
    if num_epochs == BASE["train.epochs"]:
        assert curves(results.store, "space") == calm()


@cache
def calm() -> Curves:
    """Of the six trials, undisturbed."""
    return calm_curves(
        BASE, [{"optimizer.lr": lr, "seed": seed} for lr in RATES for seed in (0, 1)]
    )


def rows_of(folder: Path, table: Literal["trials", "epochs"]) -> list[dict[str, Any]]:
    """What there is so far."""
    results = open_results(str(folder / "runs"))
    if not results.store.exists() or "space" not in results.store.sweeps():
        return []
    rows: list[dict[str, Any]] = getattr(results, table)("space")
    return rows


def num_running(folder: Path) -> int:
    """Trials that a worker has, or is to have."""
    return sum(row["status"] == "running" for row in rows_of(folder, "trials"))


def num_reporting(folder: Path) -> int:
    """Trials that have ended an epoch."""
    return len({row["trial"] for row in rows_of(folder, "epochs")})


def test_a_sweep_grows_onto_a_node_that_joins(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    driver = start()
    wait_until(lambda: num_running(tmp_path) >= 2, limit_s=LIMIT_S)
    add_node(nodes)
    wait_until(lambda: num_running(tmp_path) >= 3, limit_s=LIMIT_S)
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode)


def test_a_node_that_dies_takes_no_row_with_it(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    second = add_node(nodes)
    driver = start()
    wait_until(lambda: num_running(tmp_path) >= 3, limit_s=LIMIT_S)
    nodes.remove_node(second, allow_graceful=False)
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode)


def test_groups_grow_onto_a_node_that_joins_and_outlive_one_that_leaves(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "space.py").write_text(FEWER)
    driver = start("train.epochs=10", "--workers-per-trial", "2")
    wait_until(lambda: num_running(tmp_path) >= 1, limit_s=LIMIT_S)
    second = add_node(nodes)
    wait_until(lambda: num_running(tmp_path) >= 2, limit_s=LIMIT_S)
    nodes.remove_node(second, allow_graceful=False)
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode, 10, num_trials=3)


def test_a_node_that_drains_costs_its_trials_no_more_than_an_epoch(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    second = add_node(nodes)
    # Without the notice there would be no checkpoint to go on from.
    driver = start("--checkpoint-every", "1000")
    wait_until(lambda: num_running(tmp_path) >= 4, limit_s=LIMIT_S)
    take_away(nodes, second, tmp_path, num_trials=2)
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode)
    assert "1 node is about to go: trials there save each epoch" in errors
    assert attempts_of(tmp_path) == [(0, 0)] * 4 + [(0, 1)] * 2


def test_a_node_that_drains_costs_a_group_no_more_than_an_epoch(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    both = [*nodes.worker_nodes, add_node(nodes)]
    (tmp_path / "space.py").write_text(SINGLE)
    driver = start("--checkpoint-every", "1000", "--workers-per-trial", "2")
    wait_until(lambda: rows_of(tmp_path, "epochs"), limit_s=LIMIT_S)
    (there,) = [
        node for node in both if len(node_processes(node, "RayTrainWorker")) == 2
    ]
    take_away(nodes, there, tmp_path, num_trials=1)
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode, SINGLE_EPOCHS, num_trials=1)
    assert attempts_of(tmp_path) == [(0, 1)]


def take_away(nodes: Cluster, node: Any, folder: Path, num_trials: int) -> None:  # noqa: ANN401
    """A machine, with a notice, once trials there have saved what they have."""
    with watching(nodes, node.node_id) as machine:
        machine.is_to_go = True
    saved = folder / "runs" / "space" / "checkpoints"
    # Of the trials there more than the one that each has at its end.
    later = "*/checkpoint_*[1-9]/raypg.json"
    wait_until(
        lambda: len({path.parts[-3] for path in saved.glob(later)}) >= num_trials
    )
    nodes.remove_node(node, allow_graceful=False)


def attempts_of(folder: Path) -> list[tuple[int, int]]:
    """The first and the last attempt of each trial."""
    query = "select min(attempt), max(attempt) from epochs group by trial order by all"
    rows = open_results(str(folder / "runs")).sql(query).to_pylist()
    return [tuple(row.values()) for row in rows]


class SpotMachine:
    """A machine's metadata as AWS serves them: two minutes' notice, once it is due."""

    def __init__(self) -> None:
        self.is_to_go = False

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """What serves them: nothing without a token, 404 while there is no notice."""
        machine, token, header = self, b"a-token", "X-aws-ec2-metadata-token"

        class Metadata(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                is_asked = self.path == "/latest/api/token"
                has_ttl = f"{header}-ttl-seconds" in self.headers
                self._answer(200 if is_asked and has_ttl else 400, token)

            def do_GET(self) -> None:
                if self.headers.get(header) != token.decode():
                    self._answer(401)
                elif not (machine.is_to_go and self.path.endswith("/instance-action")):
                    self._answer(404)
                else:
                    at = datetime.now(UTC) + timedelta(minutes=2)
                    when = at.strftime("%Y-%m-%dT%H:%M:%SZ")
                    notice = {"action": "terminate", "time": when}
                    self._answer(200, json.dumps(notice).encode())

            def _answer(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Metadata


@contextmanager
def watching(nodes: Cluster, node_id: str) -> Iterator[SpotMachine]:
    """A node on a spot machine, with the watcher that `cluster.yaml` starts there."""
    machine = SpotMachine()
    command = [sys.executable, "-m", "raypg.cluster.spot_notice", nodes.address]
    with serving(machine.handler()) as endpoint:
        environment = plain_environment(
            RAY_AUTH_MODE="token", AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint
        )
        watcher = subprocess.Popen([*command, "--node-id", node_id], env=environment)
        try:
            yield machine
            assert watcher.wait(timeout=60) == 0
        finally:
            watcher.kill()
            watcher.wait()


def test_a_cluster_without_room_is_waited_for_and_says_so(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    (only,) = nodes.worker_nodes
    driver = start()
    wait_until(lambda: num_running(tmp_path) >= 2, limit_s=LIMIT_S)
    nodes.remove_node(only, allow_graceful=False)
    assert driver.stderr is not None
    seen = []
    for line in driver.stderr:
        seen.append(line)
        if "no room for a single trial" in line:
            add_node(nodes)
        if "has room again" in line:
            break
    _, errors = driver.communicate(timeout=LIMIT_S)
    assert "has room again" in seen[-1]
    check_whole(tmp_path, "".join(seen) + errors, driver.returncode)


def test_workers_of_a_trial_spread_over_nodes(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    add_node(nodes, num_cpus=1)
    driver = start("train.epochs=5", "--workers-per-trial", "3")
    _, errors = driver.communicate(timeout=LIMIT_S)
    check_whole(tmp_path, errors, driver.returncode, num_epochs=5)
    rows = open_results(str(tmp_path / "runs")).trials("space")
    assert {row["num_workers"] for row in rows} == {3}


def test_what_groups_have_beside_their_workers_spreads_over_nodes(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    # What takes no CPU Ray places by memory: all of it on the first one.
    large = [add_node(nodes, memory=2**size) for size in (42, 38, 38)]
    start("train.epochs=1000", "--workers-per-trial", "2", "--max-concurrent", "3")
    wait_until(lambda: num_running(tmp_path) >= 3, limit_s=LIMIT_S)
    for kind in ("Trainable", "TrainController", "Mailbox"):
        wait_for_one_each(large, kind)


def wait_for_one_each(nodes: Sequence[Any], part: str) -> None:
    """Wait for as many such actors as nodes; there is one on each."""
    num = len(nodes)
    wait_until(lambda: sum(len(node_processes(n, part)) for n in nodes) >= num, LIMIT_S)
    assert [len(node_processes(node, part)) for node in nodes] == [1] * num, part


def test_a_folder_that_is_another_one_on_a_node_is_refused(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    with node_with_its_own(store, nodes.address, num_cpus=4):
        driver = start("--store", str(store), "--cpus-per-worker", "3")
        _, errors = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 2
    assert "must be a folder that every node mounts; found on " in errors
    assert list(store.iterdir()) == []


@contextmanager
def node_with_its_own(folder: Path, address: str, num_cpus: int) -> Iterator[None]:
    """A node on which a file system of its own is mounted at a folder."""
    try:
        able = subprocess.run(["unshare", "--mount", "true"], capture_output=True)
    except FileNotFoundError as cause:
        pytest.skip(f"no machine of its own can be made: {cause}")
    if able.returncode:
        pytest.skip(f"no machine of its own can be made: {able.stderr.decode()}")
    mount = ["sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', str(folder)]
    ray_start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
    ray_start += ["--address", address, "--num-cpus", str(num_cpus)]
    node = subprocess.Popen(
        ["unshare", "--mount", *mount, *ray_start, f"--object-store-memory={SMALL}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert node.stdout is not None
    try:
        assert any("Ray runtime started" in line for line in node.stdout)
        yield
    finally:
        node.terminate()
        node.communicate()


def test_what_no_node_can_give_is_refused_with_what_there_is(
    nodes: Cluster, start: Start, tmp_path: Path
) -> None:
    driver = start("--cpus-per-worker", "3")
    _, errors = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 2
    assert re.search(r"must fit in the cluster; found 2 CPUs .*2 node", errors)
    assert not (tmp_path / "runs" / "space").exists()


def test_a_cluster_that_asks_for_a_token_says_how_to_give_it(
    start: Start, tmp_path: Path
) -> None:
    driver = start(token=False)
    _, errors = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 2
    assert re.fullmatch(r"RAY_ADDRESS=.*RAY_AUTH_MODE=token.*\n", errors), errors
    assert not (tmp_path / "runs" / "space").exists()


SLEEPERS = """
import os, time, ray
from raypg.causes import cause_of, cause_of_text

class Sleeper:
    def sleep(self, seconds): time.sleep(seconds)
    def die(self): os.kill(os.getpid(), 9)

def ask(question):
    try:
        ray.get(question)
    except ray.exceptions.RayError as error:
        kind = type(error).__name__
        print("cause", kind, cause_of(error), cause_of_text(str(error)))
        return kind != "ActorDiedError"

ray.init(log_to_driver=False)
killed = ray.remote(Sleeper).options(num_cpus=1).remote()
ask(killed.die.remote())
sleeper = ray.remote(Sleeper).options(resources={"second": 1}).remote()
ray.get(sleeper.sleep.remote(0))
print("ready", flush=True)
while ask(sleeper.sleep.remote(600)):
    time.sleep(1)
"""


def test_an_actor_that_went_with_its_node_is_told_from_one_that_was_killed(
    nodes: Cluster,
) -> None:
    second = add_node(nodes, resources={"second": 1})
    environment = plain_environment(RAY_ADDRESS=nodes.address, RAY_AUTH_MODE="token")
    driver = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert driver.stdout is not None
        # Ray tells of its own things in between.
        told = list(iter(driver.stdout.readline, "ready\n"))
        nodes.remove_node(second, allow_graceful=False)
        said, _ = driver.communicate(timeout=LIMIT_S)
    finally:
        driver.kill()
        driver.communicate()
    text = "".join([*told, said])
    killed, *lost = [line for line in text.splitlines() if line.startswith("cause ")]
    assert killed == "cause ActorDiedError worker_lost worker_lost", text
    assert lost[-1] == "cause ActorDiedError node_lost node_lost", text
    # Until Ray knows that the node is gone, it says that the actor does not answer.
    first = "cause ActorUnavailableError node_lost node_lost"
    assert set(lost[:-1]) <= {first}, text
