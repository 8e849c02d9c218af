"""The address of a Ray cluster: whether one answers there."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from raypg.errors import ClusterError

KNOCK_S = 5.0
"""Longest wait for an answer; Ray itself would try for two minutes."""


def knock(address: str) -> None:
    """See whether a cluster answers; what is no `host:port` is left to Ray.

    Raises:
        ClusterError: nothing listens, or it asks for a token that it is not given.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), KNOCK_S).close()
        except (OSError, OverflowError) as error:
            raise no_cluster(address, error) from error
        _show_token(address)


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
        raise ClusterError(f"--address {address}", rule, found, fix) from error
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
    """What is wrong with an address, or with a cluster that does not start here."""
    where = f"--address {address}" if address else "ray"
    found = " ".join(str(error).split())[:200]
    fix = "Start one with `ray start --head`, or leave --address out."
    rule = "must be the address of a Ray cluster that answers"
    return ClusterError(where, rule, found, fix)
