"""What else the machine does while something is measured, and what machine it is."""

import contextlib
import ctypes
import os
import platform
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

NOTE_EVERY_S = 0.5

ENVIRONMENT = dict(os.environ)
"""As `make bench` got it: a benchmark that drives Tune in its own process sets more."""

PR_SET_CHILD_SUBREAPER = 36
"""Linux: who is left behind by one of our processes becomes a child of ours."""


def adopt_orphans() -> None:
    """Count what our commands start as ours, even where it outlives them (Ray's do)."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(own: Collection[int]) -> None:
    """Take leave of adopted processes that have ended, but for those that we started.

    Ray's workers ask whether their raylet is there by its number, and one that nobody
    has waited for is: they would outlive it.

    Args:
        own: numbers of the processes that somebody here waits for.
    """
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error, ChildProcessError):
            if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def cpu_of_others() -> float:
    """Seconds of CPU that processes other than ours have taken, and the hypervisor.

    Ours are this process and all that descend from it. 0 where the system does not
    tell (no /proc).
    """
    if not Path("/proc/stat").exists():
        return 0.0
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, soft, steal, *_ = map(int, fields)
    busy = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    return busy - _own_cpu()


@contextlib.contextmanager
def noting() -> Iterator[None]:
    """Beside the body, note processes, for a benchmark that has no time for it."""
    is_over = threading.Event()

    def note() -> None:
        while not is_over.wait(NOTE_EVERY_S):
            note_processes()

    thread = threading.Thread(target=note)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def note_processes() -> None:
    """Look how much CPU our processes have taken, now and then while they come and go.

    Nobody else remembers it: raylets reap their workers without counting them.
    """
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = child.cpu_times()
            _taken[child.pid, child.create_time()] = times.user + times.system


_taken: dict[tuple[int, float], float] = {}


def _own_cpu() -> float:
    note_processes()
    return sum(os.times()[:2]) + sum(_taken.values())


def unique_mib(process: psutil.Process | None = None) -> float:
    """Memory in MiB that no other process shares; this process's by default."""
    return float((process or psutil.Process()).memory_full_info().uss / 2**20)


def describe_machine() -> str:
    """Processor, cores, versions: what every measured number depends on."""
    import ray
    import torch

    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1] for x in lines if x.startswith("model n")), model)
    return (
        f"{model.strip()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" torch {torch.__version__}, ray {ray.__version__}"
    )
