"""A cluster whose head is gone: the sweep ends soon, and goes on in another one."""

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from raypg.cluster import head
from raypg.cluster.prepare import Options
from raypg.cluster.sweep import resume_sweep
from tests.cluster.own_cluster import own_cluster
from tests.cluster.processes import wait_until
from tests.cluster.test_nodes import check_whole, num_running, starting


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
def test_a_sweep_whose_head_dies_ends_and_goes_on_in_another_cluster(
    cluster: None, tmp_path: Path
) -> None:
    with own_cluster() as own, starting(tmp_path, own.address) as start:
        driver = start("--address", own.address, token=False)
        wait_until(lambda: num_running(tmp_path) >= 2, limit_s=120)
        for pid in (own.gcs_server, own.raylet):
            os.kill(pid, signal.SIGKILL)
        _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 1, errors
    *_, ended, resume = errors.splitlines()
    assert ended.startswith("The sweep ended early: no answer from Ray at "), errors
    assert "python -m raypg.tune --resume space --store " in resume
    finished = resume_sweep("space", Options(store=str(tmp_path / "runs")))
    check_whole(tmp_path, errors, finished.exit_code)
