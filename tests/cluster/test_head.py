"""A cluster whose head is gone: the sweep ends soon, and goes on in another one."""

import socket
import threading
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from raypg.cluster import head
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import resume_sweep
from tests.cluster.processes import wait_until
from tests.cluster.test_nodes import Start, check_whole, nodes, num_running, start

__all__ = ["nodes", "start"]


def test_who_answers_no_more_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "KNOCK_EVERY_S", 0.01)
    monkeypatch.setattr(head, "LOST_S", 0.1)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        arguments = ([address], threading.Event(), told.append)
        watcher = threading.Thread(target=head._watch, args=arguments)
        watcher.start()
        connection, _ = server.accept()
        connection.close()
        assert not told
    watcher.join(timeout=60)
    assert told == [f"no answer from Ray at 127.0.0.1:{address[1]} for 0 s"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kill_gcs_server", "kill_raylet"])
def test_a_sweep_whose_head_dies_ends_and_goes_on_in_another_cluster(
    nodes: Cluster, start: Start, tmp_path: Path, what: str
) -> None:
    driver = start()
    wait_until(lambda: num_running(tmp_path) >= 2, limit_s=120)
    getattr(nodes.head_node, what)(check_alive=False)
    _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 1, errors
    *_, ended, resume = errors.splitlines()
    assert ended.startswith("The sweep ended early: no answer from Ray at "), errors
    assert "python -m raypg.tune --resume space --store " in resume
    finished = resume_sweep("space", Options(store=str(tmp_path / "runs")))
    check_whole(tmp_path, errors, finished.exit_code)
