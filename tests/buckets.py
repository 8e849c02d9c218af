"""Buckets of every kind that a store may be in, each on a real server."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from tests.gcs import create_google_bucket, gcs_environment
from tests.s3 import create_bucket, s3_environment
from tests.servers import serving

KINDS = ("s3", "gs")

each_kind = pytest.mark.parametrize("kind", KINDS)


def new_bucket(kind: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty bucket, which the environment has the way and the keys to."""
    point_at_server(kind, monkeypatch)
    return create_google_bucket() if kind == "gs" else create_bucket()


def point_at_server(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the environment the way and the keys to the server of a kind."""
    environment = gcs_environment() if kind == "gs" else s3_environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


class _Denied(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def denying(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every bucket refuses the credentials."""
    point_at_server("s3", monkeypatch)
    with serving(_Denied) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield
