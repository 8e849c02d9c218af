"""An S3 server in a process of its own, one for all tests."""

import atexit
import socket
import subprocess
import sys
import time
import uuid
from functools import cache


@cache
def start_s3() -> str:
    """Start moto once; its endpoint."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    atexit.register(server.kill)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return f"http://127.0.0.1:{port}"
    raise TimeoutError("moto_server does not answer")


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
