"""An autoscaler that adds nodes: if there is one, what to ask it, what it cannot do.

A sweep hands Tune no more trials than there is room for, so Ray sees no demand that is
unmet. The sweep asks for nodes itself, as
https://docs.ray.io/en/latest/cluster/running-applications/autoscaling/reference.html
offers it.
"""

from raypg.cluster.connect import Need

MOST_ASKED = 1000
"""Trials that room is asked for at once."""


def has_autoscaler() -> bool:
    """Whether the cluster says that it can add nodes.

    A cluster of `ray up`, of KubeRay or of `RAY_enable_autoscaler_v2=1` says so. Ray's
    first autoscaler leaves no sign that could be told from a cluster without one.
    Read as `ray.autoscaler.v2.utils.is_autoscaler_v2` does, whose import takes long.
    """
    from ray import _raylet
    from ray._private.worker import global_worker

    key = _raylet.GCS_AUTOSCALER_V2_ENABLED_KEY  # type: ignore[attr-defined]
    namespace = _raylet.GCS_AUTOSCALER_STATE_NAMESPACE  # type: ignore[attr-defined]
    found: bytes | None = global_worker.gcs_client.internal_kv_get(
        key.encode(), namespace=namespace.encode()
    )
    return found == b"1"


def ask_for(need: Need, num_trials: int) -> None:
    """Ask for nodes with room for so many trials; 0 takes the last request back.

    Ray keeps one request a cluster, so the last of several sweeps decides. Nodes that
    trials run on stay in any case.
    """
    from ray.autoscaler.sdk import request_resources

    num_workers = min(num_trials, MOST_ASKED) * need.workers_per_trial
    request_resources(bundles=[need.per_worker] * num_workers)


def is_infeasible(need: Need) -> bool:
    """Whether the autoscaler found that no node it may add has room for a worker."""
    from ray._private.worker import global_worker
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply

    status = global_worker.gcs_client.get_cluster_status()
    reply = GetClusterStatusReply.FromString(status)
    return any(
        dict(found.request.resources_bundle) == need.per_worker
        for one in reply.autoscaling_state.infeasible_cluster_resource_constraints
        for found in one.resource_requests
    )
