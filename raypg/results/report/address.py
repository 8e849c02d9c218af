"""What is served, and the socket on which it is asked for."""

import ipaddress
import socket
from dataclasses import dataclass

from raypg.errors import ResultsError
from raypg.results.query import Results

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Serving:
    """What is served, and where.

    Attributes:
        results: of the store.
        sweep: the one that `/` leads to; empty lists all.
        host: an address of this machine.
        port: 0 takes a free one.
        every_s: how often a page asks whether something is new.
    """

    results: Results
    sweep: str = ""
    host: str = LOOPBACK
    port: int = 0
    every_s: float = 5.0

    @property
    def is_private(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_own(self.host)


def bind(serving: Serving) -> socket.socket:
    """A socket that listens: who asks before `serve` answers waits for it.

    Raises:
        ResultsError: the port is taken, or the host is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((serving.host, serving.port))
        bound.listen()
    except (OSError, OverflowError) as cause:
        bound.close()
        where = f"--host {serving.host} --port {serving.port}"
        rule, fix = "must be free, and this machine's", "Choose another --port."
        found = (getattr(cause, "strerror", None) or str(cause)).lower()
        raise ResultsError(where, rule, found, fix) from cause
    return bound


def is_own(host: str) -> bool:
    """Whether a host, without a port, is this machine as it calls itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
