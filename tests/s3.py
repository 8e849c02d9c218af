"""An S3 server in a process of its own, one for all tests."""

import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from threading import Thread
from urllib.parse import urlsplit

import pytest

from tests.servers import serving, start_server


@cache
def start_s3() -> str:
    """Start moto once; its endpoint."""
    return start_server("moto.server", "-H", "{host}", "-p", "{port}")


def s3_environment() -> dict[str, str]:
    """The variables that point a store at the server."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": start_s3(),
    }


def create_bucket() -> str:
    """A fresh, empty bucket's URI."""
    from pyarrow.fs import S3FileSystem

    name = f"bucket-{uuid.uuid4().hex[:12]}"
    client = S3FileSystem(
        endpoint_override=start_s3(),
        region="us-east-1",
        access_key="test",
        secret_key="test",
        allow_bucket_creation=True,
    )
    client.create_dir(name)
    return f"s3://{name}"


class Cable:
    """A way to the server that can be cut: connections are then refused, or hang."""

    def __init__(self) -> None:
        server = urlsplit(start_s3())
        self._server = (str(server.hostname), int(server.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._is_cut = self._hangs = False
        Thread(target=self._serve, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """The server's, at this end of the cable."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self, *, hangs: bool = False) -> None:
        """Answer nothing from now on; what is under way breaks, or hangs too."""
        self._is_cut, self._hangs = True, hangs
        if not hangs:
            self._drop()

    def mend(self) -> None:
        """Be whole again; what hung breaks."""
        self._is_cut = False
        self._drop()

    def close(self) -> None:
        """Take it away."""
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._ends.append(near)
                if not self._is_cut:
                    far = socket.create_connection(self._server)
                    self._ends.append(far)
                    for ends in ((near, far), (far, near)):
                        Thread(target=self._pump, args=ends, daemon=True).start()
                elif not self._hangs:
                    self._drop()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                while self._is_cut and self._hangs:
                    time.sleep(0.05)
                sink.sendall(piece)
        _shut(sink)

    def _drop(self) -> None:
        while self._ends:
            _shut(self._ends.pop())


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


class _Gate(BaseHTTPRequestHandler):
    """Hands signed requests on to the server, and refuses those without a signature."""

    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        body = self._body()
        if "Authorization" not in self.headers:
            self._answer(403, {"Content-Type": "application/xml"}, DENIED)
            return
        server = urlsplit(start_s3())
        with closing(HTTPConnection(str(server.hostname), server.port)) as onward:
            kept = {k: v for k, v in self.headers.items() if k.lower() not in LENGTHS}
            onward.request(self.command, self.path, body, kept)
            answer = onward.getresponse()
            self._answer(answer.status, dict(answer.getheaders()), answer.read())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def _body(self) -> bytes:
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        kept = {name: text for name, text in headers.items() if name in HEADERS}
        length = headers.get("Content-Length", str(len(body)))
        for name, text in {**kept, "Content-Length": length}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
LENGTHS = ("content-length", "transfer-encoding", "expect")
HEADERS = ("Content-Type", "ETag", "Last-Modified", "Content-Range", "Accept-Ranges")


def gate() -> AbstractContextManager[str]:
    """An endpoint of the server that asks for credentials, which moto does not."""
    return serving(_Gate)


@contextmanager
def cable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    """The environment's way to the server, which can be cut."""
    way = Cable()
    for name, value in s3_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", way.endpoint)
    yield way
    way.close()
