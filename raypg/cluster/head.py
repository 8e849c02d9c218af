"""A cluster whose head is gone for good: whoever waits for it would wait in vain.

Ray's calls to a head that is gone come back after a minute, by ending the process.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

KNOCK_EVERY_S = 2.0
KNOCK_S = 5.0
"""Longest wait for one answer."""

LOST_S = 20.0
"""No answer for this long: the head is gone. One that is started anew is back by then,
and Ray gives it a minute."""

Address = tuple[str, int]


@contextmanager
def watch_head(on_lost: Callable[[str], object]) -> Iterator[None]:
    """Look, while the body runs, whether the cluster that this process is in is there.

    Args:
        on_lost: told why in a line, in a thread, once; the main thread may be waiting
            for Ray, and never come back. Where the body ends meanwhile, it is waited
            for.
    """
    is_over = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(_addresses(), is_over, on_lost), daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _addresses() -> Sequence[Address]:
    """Of the head's store, and of the raylet through which this process asks."""
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    own = context.get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == own)
    raylet = node["NodeManagerAddress"], node["NodeManagerPort"]
    return (host.strip("[]"), int(port)), raylet


def _watch(
    addresses: Sequence[Address],
    is_over: threading.Event,
    on_lost: Callable[[str], object],
) -> None:
    answered = dict.fromkeys(addresses, time.monotonic())
    while not is_over.wait(KNOCK_EVERY_S):
        for address in addresses:
            if _answers(address):
                answered[address] = time.monotonic()
            elif is_over.is_set():
                return
            elif time.monotonic() - answered[address] >= LOST_S:
                host, port = address
                on_lost(f"no answer from Ray at {host}:{port} for {LOST_S:.0f} s")
                return


def _answers(address: Address) -> bool:
    try:
        socket.create_connection(address, KNOCK_S).close()
    except OSError:
        return False
    return True
