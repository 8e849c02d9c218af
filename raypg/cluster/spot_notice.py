"""Drains a node when AWS says that it will take the machine away.

    python -m raypg.cluster.spot_notice HOST:PORT

`cluster.yaml` has it run beside `ray start` on every spot machine; HOST:PORT is the
cluster's head. AWS tells a machine two minutes ahead, in its metadata; Ray's launcher
(2.60) does not listen. Once told, the node drains: sweeps have their trials there save
every epoch, and nothing new is placed on it.

It asks as the AWS user guide says ("Spot Instance interruption notices"): every five
seconds, with a session's token. `AWS_EC2_METADATA_SERVICE_ENDPOINT` names another
endpoint, as for AWS's own tools.
"""

import argparse
import json
import os
import sys
import time
from datetime import datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ASK_EVERY_S = 5.0
ANSWER_S = 2.0
"""Longest wait for an answer of the metadata, which are on the machine itself."""

ENDPOINT = "http://169.254.169.254"
TAKEN_AWAY = ("terminate", "stop", "hibernate")


def main() -> None:
    """Wait for the notice, drain the node, end."""
    parser = argparse.ArgumentParser(
        prog="python -m raypg.cluster.spot_notice",
        description="Drain this Ray node when AWS takes its spot machine away.",
    )
    parser.add_argument("address", metavar="HOST:PORT", help="of the cluster's head")
    which = "Ray's id of the node, where several run on this machine"
    parser.add_argument("--node-id", metavar="HEX", help=which)
    options = parser.parse_args()
    while (deadline := read_notice()) is None:
        time.sleep(ASK_EVERY_S)
    for node in [options.node_id] if options.node_id else nodes_here(options.address):
        drain(options.address, node, deadline)
        print(f"node {node[:8]} drains: AWS takes its machine away", file=sys.stderr)


def read_notice() -> datetime | None:
    """When the machine goes, by its metadata; None while nothing says that it will.

    No answer is no notice, either: a watcher that ended then would miss the next one.
    """
    try:
        token = _ask("PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
        told = json.loads(
            _ask("GET", "meta-data/spot/instance-action", _TOKEN, token.decode())
        )
        is_notice = told["action"] in TAKEN_AWAY
        return datetime.fromisoformat(told["time"]) if is_notice else None
    except HTTPError as error:
        error.close()
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


_TOKEN = "X-aws-ec2-metadata-token"


def _ask(method: str, path: str, header: str, text: str) -> bytes:
    endpoint = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", ENDPOINT)
    where = f"{endpoint.rstrip('/')}/latest/{path}"
    request = Request(where, method=method, headers={header: text})
    with urlopen(request, timeout=ANSWER_S) as answer:
        content: bytes = answer.read()
    return content


def nodes_here(address: str) -> list[str]:
    """Ray's ids of the nodes that live on this machine."""
    from ray.util import get_node_ip_address

    own = get_node_ip_address()
    return [
        node_id.hex()
        for node_id, info in _client(address).get_all_node_info().items()
        if info.node_manager_address == own
    ]


def drain(address: str, node_id: str, deadline: datetime) -> None:
    """Tell the cluster that a node will be gone at `deadline`.

    Args:
        address: of the cluster's head.
        node_id: hexadecimal, as Ray shows it.
        deadline: with its time zone.

    Raises:
        RuntimeError: Ray refuses.
    """
    from ray.core.generated import autoscaler_pb2

    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    at_ms = int(1000 * deadline.timestamp())
    is_accepted, why = _client(address).drain_node(
        node_id, reason, "AWS takes the spot machine away", at_ms
    )
    if not is_accepted:
        raise RuntimeError(f"node {node_id}: Ray does not drain it: {why}")


def _client(address: str) -> Any:  # noqa: ANN401 Ray has no types
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    return GcsClient(address=address)


if __name__ == "__main__":
    main()
