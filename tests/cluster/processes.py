"""Finding and killing the processes of the shared cluster, on purpose."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import ray
from ray.util import placement_group_table

MARK = "RAYPG_TEST_MARK"
"""A variable that a test sets to find again whatever its command starts."""

COORDINATOR = "_AutoscalingCoordinatorActor"
"""Ray Train's one actor a cluster that outlives its jobs: every group asks it."""


def processes_named(part: str) -> list[psutil.Process]:
    """Processes below this one whose command line holds `part`."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if part in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def plain_environment(**more: str) -> dict[str, str]:
    """The environment without what this process's own cluster has set there."""
    own = ("RAY", "TUNE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
    return kept | more


def wait_until(is_true: Callable[[], object], limit_s: float = 60) -> None:
    """Wait for a condition; an assertion where it does not come true in time."""
    deadline = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def family_of(mark: str) -> list[psutil.Process]:
    """Processes started under `MARK=mark`, or by these, whoever their parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


def trial_processes() -> list[psutil.Process]:
    """Those below this one that train trials, or look after those that do."""
    names = ("Trainable", "RayTrainWorker", "Mailbox", "TrainController")
    return [process for name in names for process in processes_named(name)]


def leftovers() -> dict[str, list[Any]]:
    """Placement groups, actors and processes of trials that are still there."""
    groups = [g for g in placement_group_table().values() if g["state"] != "REMOVED"]
    actors = [
        actor
        for actor in ray.state.actors().values()
        if actor["State"] != "DEAD" and actor["ActorClassName"] != COORDINATOR
    ]
    return {"groups": groups, "actors": actors, "processes": trial_processes()}


def wait_for_nothing_left(limit_s: float = 20) -> None:
    """Wait until a sweep that is over has left nothing behind."""
    deadline = time.monotonic() + limit_s
    while any(leftovers().values()):
        assert time.monotonic() < deadline, leftovers()
        time.sleep(0.2)


@contextmanager
def killing(
    part: str, when: Callable[[], object], *, times: int = 1
) -> Iterator[list[int]]:
    """SIGKILL a process named `part` once `when` holds, beside what the body does.

    Yields the pids that were killed; the body is to end only after the kills.
    """
    killed: list[int] = []
    is_over = threading.Event()

    def kill() -> None:
        while len(killed) < times and not is_over.is_set():
            victims = [p for p in processes_named(part) if p.pid not in killed]
            if victims and when():
                os.kill(victims[0].pid, signal.SIGKILL)
                killed.append(victims[0].pid)
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        is_over.set()
        thread.join()
