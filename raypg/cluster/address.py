"""The address of a Ray cluster: whether one answers there."""

import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from raypg.errors import ClusterError

KNOCK_S = 5.0
"""Longest wait for an answer, of the host and then of Ray, which itself would try for
minutes."""

_FORM = re.compile(r"auto|local|(\[[0-9a-fA-F:]+\]|[^:/\[\]]+):\d{1,5}")


def knock(address: str) -> None:
    """See whether a cluster answers; what `auto` is, Ray knows.

    Raises:
        ClusterError: it is no address, nothing or something else answers there, the
            cluster asks for a token that it is not given, or is given one unasked.
    """
    if not _FORM.fullmatch(address):
        rule = "must be auto, or HOST:PORT of a cluster's head"
        found = f'"{address}"'
        raise ClusterError(_where(address), rule, found, "The port is 6379 as a rule.")
    there = _find_own() if address == "auto" else address
    host, _, port = there.rpartition(":")
    if not host:
        return
    began = time.monotonic()
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        found = getattr(error, "strerror", None) or str(error)
        said = found.lower() if there == address else f"{there}: {found.lower()}"
        raise _no_answer(address, said, began) from error
    asks = _asks_for_token(there, began)
    if not asks and os.environ.get("RAY_AUTH_MODE", "").lower() == "token":
        # Ray would join, and then refuse all that the cluster's processes tell it.
        rule = "must be unset for a cluster that asks for no token"
        fix = f"Unset it, or start the cluster with it: {there} has none."
        raise ClusterError("RAY_AUTH_MODE", rule, "token", fix)
    if asks and address != "auto":
        _show_token(address)


def _find_own() -> str:
    """The cluster that `ray start` has left on this machine, dead or alive."""
    from ray._private.services import get_ray_address_from_environment

    try:
        return str(get_ray_address_from_environment("auto", None))
    except ConnectionError as error:
        raise no_cluster("auto", error) from error


def _asks_for_token(address: str, began: float) -> bool:
    """Whether the cluster wants one; Ray's own client asks a silent port for ever."""
    import grpc
    from ray.core.generated.gcs_service_pb2 import CheckAliveRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    straight = [("grpc.enable_http_proxy", 0)]
    try:
        with grpc.insecure_channel(address, straight) as channel:
            stub = NodeInfoGcsServiceStub(channel)
            stub.CheckAlive(CheckAliveRequest(), timeout=KNOCK_S)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            return True
        is_silent = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        found = "no answer" if is_silent else "an answer that is not Ray's"
        raise _no_answer(address, found, began) from error
    return False


def _show_token(address: str) -> None:
    """Find a token that is missing before Ray has logged twenty lines about it.

    Ray takes up the token in `~/.ray/auth_token` by itself for `auto` alone, so as to
    send it to no host that is merely named
    (https://docs.ray.io/en/latest/ray-security/token-auth.html).
    """
    from ray._raylet import GcsClient  # type: ignore[attr-defined]
    from ray.exceptions import AuthenticationError, RaySystemError, RpcError

    try:
        with _silence():
            GcsClient(address=address)
    except AuthenticationError as error:
        rule = "must be given the token that the cluster asks for"
        mode = os.environ.get("RAY_AUTH_MODE")
        found = f"RAY_AUTH_MODE={mode}" if mode else "no RAY_AUTH_MODE"
        fix = (
            "Set RAY_AUTH_MODE=token, and have the cluster's token in "
            "~/.ray/auth_token or RAY_AUTH_TOKEN."
        )
        raise ClusterError(_where(address), rule, found, fix) from error
    except (RpcError, RaySystemError):
        """No cluster, or a slow one: Ray tries for longer, and says more."""


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what is written to standard error, by compiled code, too."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def no_cluster(address: str, error: Exception) -> ClusterError:
    """What is wrong with a cluster that cannot be joined, or does not start here."""
    found = " ".join(str(error).split()).partition(". ")[0][:200].rstrip(".")
    if address:
        return ClusterError(_where(address), _RULE, found, _FIX)
    fix = "See what Ray says to `ray start --head`, or join a cluster with --address."
    return ClusterError("ray", "must start on this machine", found, fix)


def _no_answer(address: str, found: str, began: float) -> ClusterError:
    tried = f"{found} after {time.monotonic() - began:.0f} s"
    return ClusterError(_where(address), _RULE, tried, _FIX)


def _where(address: str) -> str:
    """The place where the user gave it."""
    given = os.environ.get("RAY_ADDRESS") == address
    return f"RAY_ADDRESS={address}" if given else f"--address {address}"


_RULE = "must be the address of a Ray cluster that answers"
_FIX = (
    "Check host and port with `ray status --address HOST:PORT`; without an address a "
    "cluster is started here."
)
