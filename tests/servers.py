"""Servers that tests talk to: on free ports of this machine, gone with the tests."""

import atexit
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(module: str, *arguments: str, limit_s: float = 30) -> str:
    """Run a Python module that serves at `{host}` and `{port}`; its endpoint."""
    port = free_port()
    filled = [argument.format(host=HOST, port=port) for argument in arguments]
    server = subprocess.Popen(
        [sys.executable, "-m", module, *filled],
        cwd=Path(__file__).parents[1],  # whatever folder the test is in
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(server.kill)
    deadline = time.monotonic() + limit_s
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            is_gone, is_late = server.poll() is not None, time.monotonic() > deadline
            if is_gone or is_late:
                server.kill()
                what = "has ended" if is_gone else f"is silent after {limit_s:g} s"
                raise RuntimeError(f"the server {module} {what}") from None
            time.sleep(0.1)
        else:
            return f"http://{HOST}:{port}"


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """An endpoint of this process, as long as the body lasts."""
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
