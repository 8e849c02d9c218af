"""A server of Google's kind of bucket in a process of its own, one for all tests."""

import json
import uuid
from functools import cache
from urllib.request import Request, urlopen

from tests.servers import start_server


@cache
def start_gcs() -> str:
    """Start the emulator once; its endpoint."""
    where = ("--host", "{host}", "--port", "{port}")
    return start_server("tests.gcs_server", "start", "--in-memory", *where)


def gcs_environment() -> dict[str, str]:
    """The variables that point a store at the server."""
    return {"STORAGE_EMULATOR_HOST": start_gcs()}


def create_google_bucket() -> str:
    """A fresh, empty bucket's URI."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    request = Request(
        f"{start_gcs()}/storage/v1/b?project=raypg",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urlopen(request).close()
    return f"gs://{name}"
