"""What `keep_heap` does to a process; each test has one of its own."""

import platform
import subprocess
import sys

import pytest

TOUCH = """
import os, resource
from raypg.training.heap import keep_heap
{setup}
def num_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray(3 * 2**20) for _ in range(20)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(num_faults(), num_faults(), os.environ.get("THP_MEM_ALLOC_ENABLE"))
"""


def touch_twice(setup: str) -> tuple[int, int, str]:
    command = [sys.executable, "-c", TOUCH.format(setup=setup)]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    first, second, huge_pages = output.split()
    return int(first), int(second), huge_pages


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_memory_that_was_freed_is_there_again() -> None:
    first, second, huge_pages = touch_twice("keep_heap()")
    assert first > 1000
    assert second < first / 10
    assert huge_pages == "1"


def test_a_users_choice_of_huge_pages_holds() -> None:
    setup = "os.environ['THP_MEM_ALLOC_ENABLE'] = '0'; keep_heap()"
    assert touch_twice(setup)[2] == "0"
