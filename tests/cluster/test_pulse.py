"""A process whose training gives no sign of life ends; one that trains does not."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

SCRIPT = """
import ctypes, os, signal, time
from raypg.cluster import pulse
pulse.LOOK_EVERY_S, pulse.GRACE_S = 0.1, 0.3
one = pulse.Pulse(lambda error: print(error, *error.__notes__, flush=True))
with one.watching("a trial", 0.2):
    one.beat()
    {hang}
"""
CALM = """
import time
from raypg.cluster import pulse
pulse.LOOK_EVERY_S, pulse.GRACE_S = 0.1, 0.1
one = pulse.Pulse(lambda error: print(error, flush=True))
with one.watching("a long first step", 0.9):
    time.sleep(1.5)
    for _ in range(30):
        one.beat()
        time.sleep(0.1)
    one.rest()
    time.sleep(1.5)
with one.watching("without a limit", 0.0):
    time.sleep(1.5)
print("over")
"""
HANGS = {
    "sleeps": "time.sleep(600)",
    "holds the lock": "ctypes.PyDLL(None).sleep(600)",
    "is stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
}
Started = dict[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def hung() -> Iterator[Started]:
    """All of them, side by side."""
    started = {
        how: subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(hang=hang)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for how, hang in HANGS.items()
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="the timer is Linux's")
@pytest.mark.parametrize("how", HANGS)
def test_a_process_that_hangs_is_ended(hung: Started, how: str) -> None:
    said, _ = hung[how].communicate(timeout=60)
    assert hung[how].returncode == -signal.SIGKILL
    if how == "sleeps":
        assert "a trial: must give a sign of life within 0.2 s (--hang-timeout)" in said
        assert 'File "<string>", line 8, in <module>' in said


def test_a_process_that_gives_signs_is_left_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALM], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "over\n"), done.stderr
