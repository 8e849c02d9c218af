"""The address of a Ray cluster: whether one answers there."""

import socket

from raypg.errors import ClusterError

KNOCK_S = 5.0
"""Longest wait for an answer; Ray itself would try for two minutes."""


def knock(address: str) -> None:
    """See whether anything listens; what is no `host:port` is left to Ray.

    Raises:
        ClusterError: nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), KNOCK_S).close()
        except (OSError, OverflowError) as error:
            raise no_cluster(address, error) from error


def no_cluster(address: str, error: Exception) -> ClusterError:
    """What is wrong with an address, or with a cluster that does not start here."""
    where = f"--address {address}" if address else "ray"
    found = " ".join(str(error).split())[:200]
    fix = "Start one with `ray start --head`, or leave --address out."
    rule = "must be the address of a Ray cluster that answers"
    return ClusterError(where, rule, found, fix)
